"""A choice that an admin takes out stays with the records that hold it, and is offered nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from portal import models
from tests.security.test_custom_fields import CHOICES, api, define, edit, page, told
from tests.security.web import Site

CNC, MOULDING = "cnc_machine", "injection_moulding"
LEFT = f"{MOULDING} = 注塑机 | Injection moulding"


def made(site: Site, kind: str) -> tuple[int, int]:
    """The field, and a lead that holds the choice that was taken out."""
    field_id = define(site, label_zh="设备", label_en="Machine", kind=kind, options=CHOICES, is_listed="1", is_filterable="1")
    held = CNC if kind == "choice" else [MOULDING, CNC]
    lead_id = site.cast.lead(owner="rep", company="甲公司", extra={"x_machine": held})
    answer = edit(site, field_id, options=LEFT)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return field_id, lead_id


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_saving_the_form_unchanged_keeps_it(site: Site, kind: str) -> None:
    field_id, lead_id = made(site, kind)
    rep, held = site.signed_in("rep"), site.cast.row(models.Lead, lead_id).extra
    form = page(rep, f"/lead/{lead_id}/edit")
    assert f'value="{CNC}"' in form and "数控机床" in form and "数控机床" in page(rep, f"/lead/{lead_id}")
    assert "数控机床" not in page(rep, "/lead/new")
    given = {"company": "甲公司", "source_id": str(site.cast.source_id), "_version": "1"}
    saved = rep.post(f"/lead/{lead_id}/edit", {**given, "x_machine": held["x_machine"]})
    assert saved.status_code == 303, saved.get_data(as_text=True)
    assert set(site.cast.row(models.Lead, lead_id).extra["x_machine"]) == set(held["x_machine"])
    assert site.cast.row(models.CustomField, field_id).retired == f"{CNC} = 数控机床 | CNC machine"


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_nobody_else_is_given_it(site: Site, kind: str) -> None:
    _, lead_id = made(site, kind)
    other, token = site.cast.lead(owner="rep", company="乙公司"), api(site, "rep")
    program = site.browser().client

    def put(record_id: int, value: Any) -> int:
        version = site.cast.row(models.Lead, record_id).version
        sent = {"x_machine": value if kind == "choice" else [value], "version": version}
        return int(program.put(f"/api/v1/lead/{record_id}", json=sent, headers=token).status_code)

    assert (put(other, CNC), put(lead_id, CNC), put(lead_id, MOULDING)) == (422, 200, 200)
    assert put(lead_id, CNC) == 422, "once let go it is not taken up again"


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_lists_find_it_and_files_say_its_label(site: Site, kind: str) -> None:
    made(site, kind)
    rep = site.signed_in("rep")
    assert told(rep, [["x_machine", "in", [CNC]]]) == ["甲公司"]
    assert "数控机床" in rep.get("/lead/export.csv").get_data().decode("utf-8-sig")


def test_what_no_record_holds_is_gone_and_what_comes_back_is_a_choice_again(site: Site) -> None:
    field_id, lead_id = made(site, "choice")
    assert edit(site, field_id, options=f"{LEFT}\n{CNC} = 数控机床 | CNC machine").status_code == 303
    assert site.cast.row(models.CustomField, field_id).retired == ""
    site.cast.set(models.Lead, lead_id, extra={})
    assert edit(site, field_id, options=LEFT).status_code == 303
    assert site.cast.row(models.CustomField, field_id).retired == ""


def test_over_rest_the_definition_says_what_was_kept(site: Site) -> None:
    field_id, _ = made(site, "choice")
    told_back = site.browser().client.get(f"/api/v1/custom_field/{field_id}", headers=api(site, "admin")).get_json()["result"]
    assert told_back["retired"] == f"{CNC} = 数控机床 | CNC machine"
