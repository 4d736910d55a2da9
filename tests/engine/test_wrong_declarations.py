"""A declaration that cannot work stops the start with a sentence that says what to fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portal import domain, models
from portal.engine import verbs
from portal.engine.charts import Chart
from portal.engine.checks import check_together
from portal.engine.entity import Entity, Owned
from portal.engine.errors import WrongDeclaration
from portal.engine.fields import Field
from portal.engine.kinds import Choices, derived, phone, ref, states, text
from portal.engine.kinds.texts import TextField
from portal.engine.screen import Screen
from portal.engine.spec import declared_for_now, registry, spec_of
from portal.engine.verbs import Outcome, check_verbs, verb
from portal.entities.leads import until_claimed

pytestmark = pytest.mark.filterwarnings("ignore:This declarative base already contains a class")


class Stand(Choices):
    OPEN = "open", "开 | Open"
    SHUT = "shut", "关 | Shut"


@pytest.fixture(autouse=True)
def _for_now(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test declares, it alone sees."""
    domain.load()
    monkeypatch.setattr(verbs, "_verbs", dict(verbs._verbs))
    with declared_for_now():
        yield


def declare(*mixins: type[Any], about: str = "东西 | Thing: of the test.", bare: bool = False, **parts: Any) -> type[Any]:
    """An entity with a name, a list of names, and what is given."""
    usual = {} if bare else {"name": text("名称 | Name")}
    body = {"__doc__": about, "__module__": __name__, "screen": Screen(icon="tag", columns=("name",)), **usual, **parts}
    return type("Thing", (Entity, *mixins), body)


def screen(**parts: Any) -> dict[str, Screen]:
    return {"screen": Screen(**{"icon": "tag", "columns": ("name",), **parts})}


WRONG: dict[str, tuple[Callable[[], type[Any]], str]] = {
    "the label has one language": (lambda: declare(about="东西"), 'docstring must begin with "中文 | English:"'),
    "a half of the label is empty": (lambda: declare(about="东西 | : of the test."), "docstring must begin"),
    "a field's label has one language": (lambda: declare(age=text("年龄")), "age needs a label in both languages, not '年龄'"),
    "a field's help has one language": (lambda: declare(age=text("年龄 | Age", help="岁")), "age needs its help in both languages"),
    "there is no screen": (lambda: declare(screen=None), 'it has no screen; add screen = Screen(icon="…", columns=("…",))'),
    "the screen is misspelt": (lambda: declare(scren=Screen("tag", ("name",))), "'scren', which means nothing here; do you mean 'screen'"),
    "the verbs are misspelt": (lambda: declare(verb=("claim",)), "'verb', which means nothing here; do you mean 'verbs'?"),
    "the scope's parent is misspelt": (lambda: declare(scope_parnt="name"), "do you mean 'scope_parent'?"),
    "a chart goes by no field": (lambda: declare(**screen(charts=(Chart("a", "甲 | A", by="nam"),))), "names 'nam', which is no field"),
    "a chart goes by a text": (lambda: declare(**screen(charts=(Chart("a", "甲 | A", by="name"),))), "a choice, a reference, a day or an"),
    "a chart steps through no days": (
        lambda: declare(**screen(charts=(Chart("a", "甲 | A", by="name", step="day"),))),
        "needs a step exactly where it goes by a day or an instant",
    ),
    "a chart sums a text": (
        lambda: declare(**screen(charts=(Chart("a", "甲 | A", by="created_by_id", measure="name"),))),
        "sums 'name', which is no number",
    ),
    "a chart's label has one language": (
        lambda: declare(**screen(charts=(Chart("a", "甲", by="created_by_id"),))),
        "the chart a needs a label in both languages",
    ),
    "a chart reads a masked field": (
        lambda: declare(number=phone("电话 | Phone", masked=until_claimed), **screen(charts=(Chart("a", "甲 | A", by="number"),))),
        "reads 'number', which is masked",
    ),
    "an attribute is of no use": (lambda: declare(colour="red"), "'colour', which means nothing here; known: entity_name"),
    "a list has no columns": (lambda: declare(**screen(columns=())), "screen.columns is empty; name the fields of the list"),
    "a column is misspelt": (lambda: declare(**screen(columns=("nane",))), "columns names 'nane', which is no field; do you mean 'name'?"),
    "a filter is unknown": (lambda: declare(**screen(filters=("zzz",))), "screen.filters names 'zzz', which is no field; known: "),
    "a form field is unknown": (lambda: declare(**screen(form=("nmae",))), "screen.form names 'nmae'"),
    "a fact is unknown": (lambda: declare(**screen(facts=("nmae",))), "screen.facts names 'nmae'"),
    "the order is unknown": (lambda: declare(**screen(order="-nmae")), "screen.order names 'nmae'"),
    "the order has no index": (lambda: declare(**screen(order="name")), "by 'name', which no index leads with; add Index(..., 'name')"),
    "the order is by a masked field": (
        lambda: declare(Owned, tel=phone("电话 | Phone", masked=until_claimed), **screen(order="tel")),
        "screen.order sorts by 'tel', which cannot be sorted by",
    ),
    "a filter cannot be filtered by": (
        lambda: declare(age=text("年龄 | Age", filterable=False), **screen(filters=("age",))),
        "screen.filters names 'age', which says filterable=False",
    ),
    "a form field is read-only": (lambda: declare(**screen(form=("created_at",))), "screen.form names 'created_at', which is read-only"),
    "the menu has one language": (lambda: declare(**screen(menu="客户")), "screen.menu needs both languages, not '客户'"),
    "the editor is no address": (lambda: declare(**screen(editor="things")), "screen.editor is 'things'; it must be the address of a page"),
    "the plural has one language": (lambda: declare(**screen(plural="Things")), "screen.plural needs both languages"),
    "a tab is unknown": (lambda: declare(Owned, **screen(tabs=("ours",))), "screen.tabs names ours; tabs are all, mine, pool, shared"),
    "tabs without an owner": (lambda: declare(**screen(tabs=("mine",))), "tabs needs an owner to tell rows apart; derive from Owned"),
    "a pool tab without a pool": (lambda: declare(Owned, **screen(tabs=("pool",))), "screen.tabs has 'pool'; derive from Pooled"),
    "a verb that files are added by is unknown": (
        lambda: declare(**screen(attached_by="reverse")),
        "screen.attached_by names 'reverse'; only a part",
    ),
    "a field is asked for with a value that no choice has": (
        lambda: declare(age=text("年龄 | Age", only_with=("name", ("old",)))),
        "age is asked for only with old of 'name', which is no choice",
    ),
    "a page without rows": (lambda: declare(**screen(per_page=0)), "screen.per_page is 0; it must lie between 1 and 200"),
    "the scope's parent is no reference": (lambda: declare(scope_parent="name"), "scope_parent names 'name', which is no reference of it"),
    "its activities move what is no field": (
        lambda: declare(moved_by_activity=("next_att",)),
        "moved_by_activity names next_att, which no field of it is",
    ),
    "two fields name the record": (
        lambda: declare(a=text("甲 | A", identity=True), b=text("乙 | B", identity=True)),
        "several fields have identity=True",
    ),
    "an edge leads nowhere": (
        lambda: declare(state=states("状态 | State", Stand, edges={Stand.OPEN: ("gone",)})),
        "an edge of 'state' names the unknown state 'gone'; known: open, shut",
    ),
    "an edge comes from nowhere": (
        lambda: declare(state=states("状态 | State", Stand, edges={"gone": (Stand.OPEN,)})),
        "names the unknown state 'gone'",
    ),
    "a record has two states": (
        lambda: declare(a=states("甲 | A", Stand, edges={}), b=states("乙 | B", Stand, edges={})),
        "it has several states (a, b)",
    ),
    "a derived field comes from nothing": (
        lambda: declare(size=derived("大小 | Size", Stand, from_=("nam",), sql="'open'")),
        "size is derived from 'nam', which is no field; do you mean 'name'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_declaration_says_what_to_fix(what: str) -> None:
    made, sentence = WRONG[what]
    with pytest.raises(WrongDeclaration) as refused:
        spec_of(made())
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("Thing: ")


TOGETHER: dict[str, tuple[Callable[[], type[Any]], str]] = {
    "a reference leads nowhere": (
        lambda: declare(lead_id=ref("线索 | Lead", "leed")),
        "lead_id refers to 'leed', which is no record type; do you mean 'lead'?",
    ),
    "a child's parent has no owner": (
        lambda: declare(tag_id=ref("标签 | Tag", "tag"), scope_parent="tag_id"),
        "scope_parent leads to 'tag', which has no owner",
    ),
    "a related child is unknown": (lambda: declare(**screen(related=("follow_ups",))), "do you mean 'follow_up'?"),
    "a composer writes somebody else's child": (
        lambda: declare(**screen(composer="follow_up")),
        "screen names 'follow_up', whose scope_parent does not lead here",
    ),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_declarations_that_do_not_fit_together_say_so(what: str) -> None:
    made, sentence = TOGETHER[what]
    made()
    with pytest.raises(WrongDeclaration, match=r"^Thing: ") as refused:
        check_together(list(registry().values()))
    assert sentence in str(refused.value)


def named(permission: str = "thing:do", label: str = "做 | Do", **parts: Any) -> None:
    """A verb that does nothing."""

    @verb(permission, label, icon="bolt", **{"takes": ("own",), **parts})
    def do(records: Any, *, acting_user: Any, now: Any) -> Outcome:
        return Outcome()


def start(parts: dict[str, Any]) -> None:
    named(**parts)
    check_verbs(list(registry().values()))


def wrong_field() -> list[tuple[str, Field]]:
    return [("why", TextField("原因"))]


def stray_field() -> list[tuple[str, Field]]:
    return [("why", TextField("原因 | Why", taken_from="lead.nope"))]


WRONG_VERBS: dict[str, tuple[dict[str, Any], str]] = {
    "it names no entity": ({"permission": "do"}, '"entity:name"'),
    "its label has one language": ({"label": "做"}, "a label in both languages, not '做'"),
    "it takes an unknown branch": ({"takes": ("ours",)}, "takes or leaves ['ours']; branches are ['all', 'assignable', 'joined', 'own'"),
    "it leaves records in an unknown branch": ({"leaves": ("pol",)}, "takes or leaves ['pol']"),
    "its form has a label in one language": ({"form": wrong_field()}, "why needs a label in both languages"),
    "its form takes a value from nowhere": ({"form": stray_field()}, "why is taken from 'lead.nope', which is no field"),
    "its inverse is unknown": ({"inverse": "undo_it"}, "names the inverse 'undo_it', which is no verb or operation of 'thing'"),
    "its columns are unknown": ({"columns": ("nam",)}, "names the columns ['nam'], which 'thing' does not have"),
    "its states are unknown": ({"states": ("open",)}, "is offered in the states ['open'], which 'thing' does not have"),
}


@pytest.mark.parametrize("what", WRONG_VERBS)
def test_a_wrong_verb_says_what_to_fix(what: str) -> None:
    parts, sentence = WRONG_VERBS[what]
    declare(verbs=("do",))
    with pytest.raises(WrongDeclaration) as refused:
        start(parts)
    assert sentence in str(refused.value)


def test_a_verb_in_one_place_only_says_where_it_is_missing() -> None:
    declare(verbs=("do",))
    with pytest.raises(WrongDeclaration, match="'thing:do' is in an entity's verbs, but no function is decorated"):
        check_verbs(list(registry().values()))
    named()
    check_verbs(list(registry().values()))
    named("thing:more")
    with pytest.raises(WrongDeclaration, match=r"'thing:more'.* is declared, but its entity's verbs do not name it"):
        check_verbs(list(registry().values()))
    with pytest.raises(WrongDeclaration, match="declared twice"):
        named()


def test_a_misspelt_option_of_a_field_is_named() -> None:
    with pytest.raises(TypeError, match="requird"):
        text("名称 | Name", requird=True)  # type: ignore[call-arg]


def test_the_shipped_declarations_are_right_and_a_test_s_are_withdrawn() -> None:
    with declared_for_now():
        thing = declare()
        assert registry()["thing"].model is thing
    assert "thing" not in registry() and "thing" not in models.Lead.metadata.tables
    check_together(list(registry().values()))
    check_verbs(list(registry().values()))
