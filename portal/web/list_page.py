"""The list page as its template reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.engine import store
from portal.engine.cell import Cell
from portal.engine.fields import Field, View
from portal.engine.given import id_of
from portal.engine.kinds.numbers import MoneyField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.counting import COUNT_CAP, FIRST_COUNT_CAP, capped, counting, exact
from portal.engine.query.listing import CHOSEN, Listing, ListQuery, label_of, named_by
from portal.engine.spec import Spec
from portal.engine.text import pick
from portal.engine.verbs import Verb, verbs_of
from portal.security import scopes
from portal.security.fields import Rights
from portal.web.arguments import BESIDE, url
from portal.web.list_menus import Menus, menus

TAB_LABELS = {
    "mine": "我的 | Mine",
    "team": "团队 | Team",
    "shared": "我参与的 | Shared with me",
    "pool": "公海 | Pool",
    "all": "全部 | All",
}
_MOST_ACTIONS = 3
_BEGIN = {
    (True, True): "从新建一条开始，或从文件导入。 | Create the first one, or import a file.",
    (True, False): "从新建一条开始。 | Create the first one.",
    (False, True): "从文件导入开始。 | Import a file to begin.",
    (False, False): "有记录时会出现在这里。 | Records will appear here.",
}
"""What an empty list says to who may create, and who may import."""


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    href: str
    active: bool = False
    count_label: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    value: str
    placeholder: str


@dataclass(frozen=True, slots=True)
class Pill:
    label: str
    value: str
    remove_href: str


@dataclass(frozen=True, slots=True)
class RowAction:
    label: str
    icon: str
    href: str
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    href: str
    cells: tuple[Cell, ...]
    ticked_label: str
    locked_reason: str | None = None
    actions: tuple[RowAction, ...] = ()
    state: str = ""
    """By which the bulk bar tells which ticked rows a verb fits; nothing where the reader does not see it."""


@dataclass(frozen=True, slots=True)
class BulkVerb:
    name: str
    label: str
    icon: str
    primary: bool
    href: str
    states: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    kind: str
    title: str
    text: str
    actions: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class ListPage:
    title: str
    entity: str
    href: str
    count_label: str
    count_href: str
    count_more_href: str
    """Where a count that stopped early goes on; nothing where it is whole."""
    can_create: bool
    create_href: str
    create_label: str
    import_href: str | None
    export_href: str | None
    tabs: tuple[Link, ...]
    search: Search
    pills: tuple[Pill, ...]
    menus: Menus
    aligns: tuple[str, ...]
    rows: tuple[Row, ...]
    prev_href: str | None
    next_href: str | None
    per_page: int
    bulk_verbs: tuple[BulkVerb, ...]
    filter_json: str
    hidden: tuple[tuple[str, str], ...]
    view_tab: str
    density_href: str
    empty: Empty | None = None
    bin_href: str = ""
    board_href: str = ""
    charts_href: str = ""


@dataclass(frozen=True, slots=True)
class ListPageBuilder:
    """Puts one reader's list of one entity together: three statements, whatever the columns."""

    spec: Spec
    rights: Rights
    view: View
    query: ListQuery
    given: Mapping[str, str]
    path: str = field(default="")

    def t(self, text: str) -> str:
        return str(pick(text, self.view.language))

    @property
    def href(self) -> str:
        return self.path or f"/{self.spec.name}/"

    def listing(self) -> Listing:
        found = Listing(self.spec, self.rights, self.view, self.query)
        return found if found.is_lasting else found.prepared()

    def may(self, verb: str) -> bool:
        return self.rights.principal.may(f"{self.spec.name}:{verb}")

    def build(self) -> ListPage:
        listing = self.listing()
        page = listing.page(store.session())
        counts, more = self._counts(listing)
        shown = listing.shown()
        label = self.t(self.spec.label)
        beside = {key: value for key, value in self.given.items() if key in BESIDE}
        return ListPage(
            title=self.t(self.spec.plural),
            entity=self.spec.name,
            href=self.href,
            count_label=counts[self.query.branch],
            count_href=url(self.href, self.given, exact="1"),
            count_more_href=url(f"{self.href}count", self.given) if more else "",
            can_create=self.may("create") and bool(self.spec.form),
            create_href=self.spec.new_href,
            create_label=f"新建{label}" if self.view.language == "zh" else f"New {label.lower()}",
            import_href=f"{self.href}import" if self.may("import") else None,
            export_href=url(f"{self.href}export.csv", self.given) if self.may("export") else None,
            tabs=self.tabs(counts),
            search=self._search(),
            pills=self.pills(page.rows),
            menus=menus(self.spec, self.rights, self.view, self.query, shown, self.href, self.given),
            aligns=tuple(f.align for f in shown),
            rows=self._rows(page.rows, shown),
            prev_href=url(self.href, self.given, before=page.previous) if page.previous else None,
            next_href=url(self.href, self.given, after=page.next) if page.next else None,
            per_page=self.query.limit,
            bulk_verbs=self._bulk_verbs(),
            filter_json=json.dumps(self.query.filters, ensure_ascii=False),
            hidden=tuple((k, v) for k, v in self.given.items() if k not in ("after", "before", "q", "exact")),
            view_tab=self.query.branch,
            density_href="/preferences",
            empty=self._empty() if not page.rows else None,
            bin_href=url(self.href, {}, deleted="1") if self.may("delete") and self.spec.archived else "",
            board_href=url(f"{self.href}board", beside) if self.rights.has_board(self.spec) else "",
            charts_href=url(f"{self.href}charts", beside) if self.spec.screen.charts else "",
        )

    # counts -----------------------------------------------------------------------------
    def _counts(self, listing: Listing) -> tuple[dict[str, str], bool]:
        """The active view's count and, where nothing is filtered, those of the other tabs, in one statement; and whether
        it stopped before the usual cap, so that rows need not wait for it."""
        if self.given.get("exact") == "1":
            return {self.query.branch: f"{exact(listing, store.session()):,}"}, False
        plain, branch = listing.is_plain, self.query.branch
        names = (branch, *(tab for tab in self.rights.tabs(self.spec) if plain and tab != branch))
        cap = COUNT_CAP if plain else FIRST_COUNT_CAP
        found = counting(listing, names, cap).read(store.session())
        return {name: _told(min(count, cap), count > cap) for name, count in zip(names, found, strict=True)}, not plain and found[0] > cap

    def count(self) -> str:
        """The active view's count to the usual cap: what the page could not wait for."""
        return _told(*capped(self.listing(), store.session()))

    def tabs(self, counts: Mapping[str, str]) -> tuple[Link, ...]:
        tabs = self.rights.tabs(self.spec)
        if len(tabs) <= 1:
            return ()
        return tuple(
            Link(self.t(TAB_LABELS[tab]), url(self.href, self.given, tab=tab), tab == self.query.branch, counts.get(tab, ""))
            for tab in tabs
        )

    # bar ---------------------------------------------------------------------------------
    def _search(self) -> Search:
        names = [self.t(f.label) for f in self.spec.searched if self.rights.sees(self.spec, f)]
        return Search(self.query.search, ("、" if self.view.language == "zh" else ", ").join(names))

    def pills(self, rows: Sequence[Mapping[str, Any]] = ()) -> tuple[Pill, ...]:
        """The conditions in words. `rows` that meet them tell the name of what one asks for."""
        return tuple(
            Pill(
                *self._pill_words(key, operator, value, rows),
                url(self.href, self.given, filter=[c for c in self.query.filters if c != (key, operator, value)] or None),
            )
            for key, operator, value in self.query.filters
        )

    def _pill_words(self, key: str, operator: str, value: Any, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """What a condition compares, and with what."""
        if key == CHOSEN:
            n = len(value)
            return self.t("指定的记录 | Chosen records"), f"{n} 条" if self.view.language == "zh" else str(n)
        return " · ".join(self.t(each.label) for each in named_by(self.spec, key)), self._condition_words(key, operator, value, rows)

    def _condition_words(self, key: str, operator: str, value: Any, rows: Sequence[Mapping[str, Any]]) -> str:
        each = named_by(self.spec, key)[-1]
        if not isinstance(each, ReferenceField):
            return each.filter_words(operator, value, self.view)
        if operator == "me":
            return self.t("我 | me")
        told = label_of(rows[0], each) if rows and operator == "eq" and key == each.key else None
        return str(told) if told else self._names(each, value)

    def _names(self, each: ReferenceField, value: Any) -> str:
        from portal.web.pickers import names  # noqa: PLC0415

        ids = [found for v in (value if isinstance(value, list) else [value]) if (found := id_of(v)) is not None]
        return ", ".join(names(each.target, ids).values()) or "—"

    # table --------------------------------------------------------------------------------
    def _rows(self, rows: Sequence[Mapping[str, Any]], shown: tuple[Field, ...]) -> tuple[Row, ...]:
        offered = [v for v in verbs_of(self.spec) if v.states and self.may(v.name)]
        actions = {v.name: RowAction(self.t(v.label), v.icon, f"{self.href}verb/{v.name}", v.name) for v in offered}
        columns = [self.rights.showing(self.spec, f, self.view) for f in shown]
        taking = {v.name: self._taking(v) for v in offered}
        slots = _slots(self.spec, shown)
        placed = tuple(number for number, each in enumerate(shown) if slots[number] != _declared(each))
        tells_state = self._tells_state()
        found = []
        for row in rows:
            href = self.rights.href(self.spec, row["id"])
            cells = [show(row) for show in columns]
            for number in placed:
                cells[number] = cells[number]._replace(phone_slot=slots[number])
            if cells:
                cells[0] = cells[0]._replace(kind="link", href=href)
            name = cells[0].text if cells else str(row["id"])
            state = row.get(self.spec.state.key) if self.spec.state else None
            taken = [actions[v.name] for v in offered if v.offered(state) and taking[v.name](row)]
            told = str(state or "") if tells_state else ""
            found.append(Row(row["id"], href, tuple(cells), name, actions=tuple(taken[:_MOST_ACTIONS]), state=told))
        return tuple(found)

    def _taking(self, verb: Verb) -> Callable[[Mapping[str, Any]], bool]:
        """Whether the verb's scope takes a row (the gate asks again when it runs)."""
        spec, principal = self.spec, self.rights.principal
        if spec.scope != "owner" or principal.is_system:
            return lambda _row: True
        branches = scopes.expand(verb.takes, spec, principal)
        return lambda row: any(scopes.covers_branch(spec, branch, principal, row) for branch in branches)

    def _bulk_verbs(self) -> tuple[BulkVerb, ...]:
        offered = [v for v in verbs_of(self.spec) if v.bulk and self.may(v.name) and self._for_this_tab(v)]
        first = next((v for v in offered if v.primary), None)
        tells_state = self._tells_state()
        return tuple(
            BulkVerb(v.name, self.t(v.label), v.icon, v is first, f"{self.href}verb/{v.name}", " ".join(v.states) if tells_state else "")
            for v in offered
        )

    def _tells_state(self) -> bool:
        return self.spec.state is not None and self.rights.sees(self.spec, self.spec.state)

    def _for_this_tab(self, verb: Verb) -> bool:
        """A verb that takes nothing of what the tab holds is not offered: nobody releases what lies in the pool."""
        if not self.spec.pooled or self.query.branch == "all":
            return True
        in_pool = self.query.branch == "pool"
        return any((branch == "pool") is in_pool for branch in verb.takes)

    # empty states ----------------------------------------------------------------------------
    def _empty(self) -> Empty:
        if self.query.filters or self.query.search:
            return Empty(
                "nomatch",
                self.t("没有符合条件的记录 | Nothing matches"),
                self.t("换个词，或去掉一个条件。 | Try another word, or drop a condition."),
                ((self.t("清除条件 | Clear the filters"), url(self.href, {}, tab=self.given.get("tab")), True),),
            )
        if self.query.deleted:
            words = self.t("删除的记录会在这里，可以恢复。 | What is deleted ends up here and can be restored.")
            return Empty("nothing", self.t("回收站是空的 | The bin is empty"), words)
        creates, imports = self.may("create") and bool(self.spec.form), self.may("import")
        actions = [(self.t("新建 | Create"), self.spec.new_href, True)] if creates else []
        actions += [(self.t("导入文件 | Import a file"), f"{self.href}import", False)] if imports else []
        return Empty("nothing", self.t("这里还没有内容 | Nothing here yet"), self.t(_BEGIN[creates, imports]), tuple(actions))


def _slots(spec: Spec, shown: Sequence[Field]) -> tuple[str, ...]:
    """Each column's place on a phone's card: as declared, else one that its kind suits; a place is given once."""
    declared = [_declared(each) for each in shown]
    slots = [slot if slot not in declared[:number] else "" for number, slot in enumerate(declared)]
    for number, each in sorted(enumerate(shown), key=lambda pair: pair[1] is not spec.state):
        if not slots[number]:
            slots[number] = _free(slots, spec, each) if number else "co"
    return tuple(slots)


def _declared(each: Field) -> str:
    return each.slot or ("money" if isinstance(each, MoneyField) else "")


def _free(slots: Sequence[str], spec: Spec, each: Field) -> str:
    """Dates suit no place by their kind: without their column's name nobody knows what happens then."""
    if each is spec.state:
        suits: tuple[str, ...] = ("grade", "next")
    elif isinstance(each, ReferenceField):
        suits = ("own",) if each.target == "user" else ("sub",)
    else:
        suits = {"text": ("sub",), "choice": ("grade",), "derived": ("grade",)}.get(each.kind, ())
    return next((place for place in suits if place not in slots), "")


def _told(count: int, more: bool) -> str:
    return f"{count:,}{'+' if more else ''}"
