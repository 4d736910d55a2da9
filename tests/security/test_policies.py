"""A figure that nothing could work with stops nobody: it is refused where it is written, and counts for nothing where it lies."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from portal import models
from tests.security.web import Site

SENSELESS = [
    ("session.idle_minutes", "abc"),
    ("session.idle_minutes", "0"),
    ("session.absolute_hours", "99999999999999999999"),
    ("login.failures", "0"),
    ("share.most_days", "999999999"),
    ("class.quarters", "9000"),
    ("class.points", "9,99999999999999999999"),
    ("report.day.remind", "-99999999999999"),
    ("contract.number", "{year.__class__}-{year}-{seq}"),
    ("contract.number", "{year}{seq:99999999}"),
    ("contract.number", "one much too long for the column of numbers-{year}-{seq}"),
    ("contract.change_number", "{number.__class__}{number}-{n}"),
    ("contract.change_number", "{number}{number}-{n}"),
    ("report.day.due", "18:00+08:00"),
    ("report.day.due", "24:00"),
    ("report.day.roles", ","),
    ("notify.report", "mail"),
    ("payment.overdue_days", "1,2,3,4"),
    ("payment.overdue_days", "30,15,7"),
    ("no.such", "1"),
]


def send(site: Site, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    token = {"Authorization": f"Bearer {site.browser().token('admin').get_json()['access_token']}"}
    return site.browser().client.open(path, method=method, json=body, headers=token)


def written(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value, "effective_on": "2026-05-12", "reason": "手滑"}


@pytest.mark.parametrize(("key", "value"), SENSELESS)
def test_it_is_refused_beside_its_field(site: Site, key: str, value: str) -> None:
    answer = send(site, "POST", "/api/v1/policy/", written(key, value))
    assert (answer.status_code, set(answer.get_json()["fields"])) == (422, {"key" if key == "no.such" else "value"})


def test_one_that_made_sense_is_not_changed_into_one_that_does_not(site: Site) -> None:
    made = send(site, "POST", "/api/v1/policy/", written("contract.number", "S{seq:2}/{year}"))
    assert made.status_code == 201
    changed = send(site, "PUT", f"/api/v1/policy/{made.get_json()['id']}", {"value": "S{seq:2}", "version": 1})
    assert (changed.status_code, set(changed.get_json()["fields"])) == (422, {"value"})


def test_one_that_lies_in_the_database_is_passed_over(site: Site) -> None:
    """It was there before, or came by another way: people work on with the figure that held until then."""
    for day, (key, value) in enumerate(SENSELESS, 1):
        site.cast.add(models.Policy, key=key, value=value, effective_on=date(2026, 1, day), reason="-", version=1)
    assert send(site, "GET", "/api/v1/lead/").status_code == 200
    assert site.signed_in("rep").get("/").status_code == 200
    assert site.signed_in("admin").get("/class-thresholds/?quarters=9000&points=1,99999999999999999999").status_code == 200
