"""CSV of exactly the current view: streamed, formula-escaped, only what the reader may see, noted in the history."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, request

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
            found = own.execute(statement.order_by(spec.model.id).execution_options(yield_per=BATCH))
            columns = [rights.exporting(spec, f, tuple(found.keys()), view) for f in shown]
            for batch in found.partitions(BATCH):
                yield csv_out.block(column(batch) for column in columns)

    response = Response(lines(), mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{spec.name}.csv"'
    return response
