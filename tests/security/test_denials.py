"""What is told to who may not see or not change something: in the words of the role page, in his own language."""

from __future__ import annotations

import pytest

from portal.engine.spec import spec_named
from portal.security.policy import explain, explain_denial
from tests.cast import Cast
from tests.matrix.world import contract_of
from tests.security.web import Site


def test_a_page_that_is_denied_names_the_scope_as_the_role_page_does(site: Site) -> None:
    answer = site.signed_in("rep").get(f"/customer/{site.cast.customer(owner='other')}")
    words = answer.get_data(as_text=True)
    assert answer.status_code == 404
    assert "“客户”本人+公海" in words and "own" not in words.split("能看的范围是")[1][:40]


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        ("customer", "Your role (Rep) sees in “Customer”: Own + pool."),
        ("contact", "Your role (Rep) sees in “Customer”: Own + pool."),
        ("follow_up", "Your role (Rep) sees in “Lead”: Own + pool; in “Customer”: Own + pool."),
        ("contract", "Your role (Rep) sees in “Contract”: Own."),
        ("product", "There is no such record"),
    ],
)
def test_in_english_it_is_english_throughout(cast: Cast, entity: str, said: str) -> None:
    words = explain_denial(cast.principal("rep"), spec_named(entity)).in_("en")
    assert words.startswith(said)
    assert not set(words) & set("、，；：")


def test_a_scope_by_state_has_its_own_name(cast: Cast) -> None:
    words = explain_denial(cast.principal("cashier"), spec_named("contract"))
    assert ("生效及之后" in words.in_("zh"), "effective and after" in words.in_("en")) == (True, True)


def test_only_what_lies_in_a_pool_is_to_be_claimed_first(cast: Cast) -> None:
    def told(login: str, entity: str, record_id: int) -> str:
        spec = spec_named(entity)
        return explain(cast.principal(login), spec, cast.row(spec.model, record_id)._mapping)[-1].in_("en")

    assert "claim it first" in told("rep", "customer", cast.customer())
    assert "ask its owner or the owner's leader" in told("cashier", "contract", contract_of(cast, "rep", state="effective"))
    assert "Because" in told("rep", "customer", cast.customer(owner="rep"))
