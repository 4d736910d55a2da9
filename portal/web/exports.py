"""CSV of exactly the current view: streamed out of the database, formula-escaped, only what the reader may see, noted
in the history."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, request

from portal.engine import audit, csv_out, store
from portal.engine.query.listing import Listing
from portal.engine.spec import Spec
from portal.engine.text import pick
from portal.security.copying import copied
from portal.web import arguments, records
from portal.web.language import view as reader


def export(spec: Spec) -> Response:
    """The rows stream over a connection of their own, so a long download holds no page open."""
    view, rights = reader(), records.rights()
    query = arguments.parse(spec, request.args, known=arguments.PAGE)
    listing = Listing(spec, rights, view, query)
    shown, columns = listing.shown(), listing.columns()
    cells = (rights.exported(spec, each, columns, view).label(each.key) for each in shown)
    statement = listing.statement().with_only_columns(*cells, maintain_column_froms=True).order_by(spec.model.id)
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
        yield csv_out.BOM + csv_out.line([str(pick(f.label, view.language)) for f in shown])
        with store.fresh(principal, now) as own:
            yield from copied(own, statement)

    response = Response(lines(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{spec.name}.csv"'
    return response
