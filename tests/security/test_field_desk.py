"""Custom fields put in order: by drag and by keyboard, within a section and from one to another, kept for everybody."""

from __future__ import annotations

import re

from portal import models
from tests.security.test_custom_fields import define, page
from tests.security.web import Browser, Site

DESK = "/fields/?entity=lead"


def three(site: Site) -> tuple[int, int, int]:
    """Two fields without a section and one in its own."""
    first = define(site, label_zh="甲栏", label_en="First")
    second = define(site, label_zh="乙栏", label_en="Second")
    third = define(site, label_zh="丙栏", label_en="Third", section="设备 | Equipment")
    return first, second, third


def press(browser: Browser, do: str) -> str:
    answer = browser.post("/fields/", {"do": do}, page=DESK)
    assert answer.status_code == 303, answer.get_data(as_text=True)[:500]
    return str(answer.headers["Location"])


def order(browser: Browser) -> list[str]:
    """The custom fields of the form of a new lead, as a rep has them."""
    return re.findall(r'name="x_(\w+)"', page(browser, "/lead/new"))


def section_of(site: Site, field_id: int) -> str:
    return str(site.cast.row(models.CustomField, field_id).section)


def test_the_arrows_move_a_field_and_cross_the_edge_of_a_section(site: Site) -> None:
    first, second, _ = three(site)
    admin, rep = site.signed_in("admin"), site.signed_in("rep")
    assert order(rep) == ["first", "second", "third"]
    assert press(admin, f"up:{second}").endswith(f"moved={second}&by=up")
    assert order(rep) == ["second", "first", "third"]
    shown = page(admin, press(admin, f"down:{first}"))
    assert re.search(f'value="down:{first}"[^>]*data-focus', shown) and shown.count("data-focus") == 1
    assert section_of(site, first) != "", "past the edge it stands in the next section of the form"
    while section_of(site, first) != "设备 | Equipment":
        press(admin, f"down:{first}")
    assert order(rep) == ["second", "first", "third"]
    press(admin, f"down:{first}")
    assert order(rep) == ["second", "third", "first"]
    press(admin, f"down:{first}")
    assert order(rep) == ["second", "third", "first"], "at the end it stays"
    last = site.cast.rows(models.AuditEvent)[-1]
    assert (last.entity, last.record_id) == ("custom_field", first)


def test_a_field_is_dropped_on_another_or_on_a_section(site: Site) -> None:
    first, second, third = three(site)
    admin, rep = site.signed_in("admin"), site.signed_in("rep")
    press(admin, f"move:{first}:{second}")
    assert order(rep) == ["second", "first", "third"]
    press(admin, f"move:{first}:{second}")
    assert order(rep) == ["first", "second", "third"]
    press(admin, f"move:{third}:{second}")
    assert order(rep) == ["first", "third", "second"] and section_of(site, third) == section_of(site, second)
    for _ in range(6):  # until there is no room between two ranks
        press(admin, f"move:{first}:{third}")
        press(admin, f"move:{second}:{third}")
        press(admin, f"move:{third}:{first}")
    assert len(set(order(rep))) == 3
    press(admin, f"move:{third}:s0")
    assert order(rep)[0] == "third"


def test_only_who_may_and_only_to_where_there_is_a_place(site: Site) -> None:
    first, _, _ = three(site)
    admin, rep = site.signed_in("admin"), site.signed_in("director")
    assert rep.get(DESK).status_code == 403
    assert rep.post("/fields/", {"do": f"up:{first}"}).status_code == 403
    for do in ("", "up:", "up:x", "fly:1", f"move:{first}:", f"move:{first}:s99", f"move:{first}:987654", f"move:{first}:sx"):
        assert admin.post("/fields/", {"do": do}, page=DESK).status_code == 400, do
    assert admin.post("/fields/", {"do": "up:987654"}, page=DESK).status_code == 404
    assert "甲栏" in page(admin, DESK) and f'value="down:{first}"' in page(admin, DESK)
