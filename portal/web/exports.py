"""CSV of exactly the current view: streamed, formula-escaped, only what the reader may see, noted in the history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from portal.engine import audit, csv_out, store
from portal.engine.query.listing import Listing
from portal.engine.spec import Spec
from portal.engine.text import pick
from portal.web import arguments, records
from portal.web.language import view as reader

BATCH = 1000


def export(spec: Spec) -> Response:
    """The rows stream from a cursor of their own session, so a long download holds no page open."""
    view, rights = reader(), records.rights()
    query = arguments.parse(spec, request.args, known=arguments.PAGE)
    listing = Listing(spec, rights, view, query)
    shown = listing.shown()
    statement = listing.statement()
    with records.writing() as (session, now):
        audit.write(
            session,
            verb="export",
            entity=spec.name,
            record_id=None,
            after={"columns": [f.key for f in shown], "query": request.query_string.decode()[:1000]},
        )
    principal = records.principal()

    def lines() -> Iterator[bytes]:
        yield csv_out.BOM
        yield csv_out.line([str(pick(f.label, view.language)) for f in shown])
        with store.fresh(principal, now) as own:
            for batch in _batches(own, statement.order_by(spec.model.id)):
                yield b"".join(csv_out.line([rights.exported(spec, f, row, view) for f in shown]) for row in batch)

    response = Response(lines(), mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{spec.name}.csv"'
    return response


def _batches(session: Session, statement: Any) -> Iterator[list[Any]]:
    rows = session.execute(statement.execution_options(yield_per=BATCH)).mappings()
    yield from (list(batch) for batch in rows.partitions(BATCH))
