"""List arguments: one parser for pages, API and exports. What it does not know it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from portal.engine.errors import BadRequest
from portal.engine.given import id_of, refuse_unknown
from portal.engine.query.listing import MOST_PER_PAGE, ListQuery, parse_filters, seen_field
from portal.engine.spec import Spec
from portal.web import records

PAGE = frozenset({"q", "filter", "order", "tab", "columns", "after", "before", "limit", "deleted", "density", "exact"})
BESIDE = frozenset({"q", "filter", "tab"})
"""What a board or the charts take over from the list they stand beside."""
API = frozenset({"q", "filter", "order", "tab", "columns", "after", "limit", "deleted"})


def parse(spec: Spec, given: Mapping[str, str], *, known: frozenset[str]) -> ListQuery:
    """The query of a list; every fault is told, nothing is ignored. The bin is for who may delete."""
    refuse_unknown(given, known)
    tab = given.get("tab", "all")
    if tab not in ("all", *spec.screen.tabs):
        raise BadRequest("没有视图 {tab}。 | There is no view {tab}.", tab=tab)
    if given.get("deleted") == "1":
        records.require(spec, "delete")
    columns = tuple(key for key in given.get("columns", "").split(",") if key)
    for key in columns:
        seen_field(spec, key, records.rights())
    return ListQuery(
        filters=parse_filters(given.get("filter", "")),
        order=given.get("order", ""),
        limit=_limit(spec, given.get("limit")),
        after=given.get("after", ""),
        before=given.get("before", ""),
        search=given.get("q", ""),
        branch=tab,
        columns=columns,
        deleted=given.get("deleted") == "1",
    )


def _limit(spec: Spec, raw: str | None) -> int:
    if raw is None:
        return spec.screen.per_page
    limit = id_of(raw)
    if limit is None or not 1 <= limit <= MOST_PER_PAGE:
        raise BadRequest("每页条数应在 1 到 {most} 之间。 | The limit is between 1 and {most}.", most=MOST_PER_PAGE)
    return limit


def url(path: str, given: Mapping[str, str], **changes: Any) -> str:
    """This list with some arguments changed; None removes one. Moving anything goes back to the first page."""
    kept = {key: value for key, value in given.items() if key not in ("after", "before", "exact")}
    for key, value in changes.items():
        if value in (None, ""):
            kept.pop(key, None)
        else:
            kept[key] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{path}?{urlencode(kept, safe=',')}" if kept else path
