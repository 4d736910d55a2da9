"""Somebody else holds the rows: the answer says to try again, it is not a fault."""

from __future__ import annotations

from sqlalchemy import event, text

from tests.cast import Cast
from tests.security.web import Site


def test_waiting_too_long_for_a_lock_is_answered_busy(site: Site, cast: Cast) -> None:
    lead = cast.lead()
    token = site.browser().token("rep").get_json()["access_token"]
    with site.app.app_context():
        engine = site.app.extensions["sqlalchemy"].engine
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _: _impatient(connection))
    with cast.session_factory() as other:
        other.connection().execute(text("SELECT id FROM ab_user WHERE username = 'rep' FOR UPDATE"))
        headers = {"Authorization": f"Bearer {token}"}
        answer = site.browser().client.post("/api/v1/lead/claim", json={"ids": [lead]}, headers=headers)
        assert (answer.status_code, answer.get_json()["error"]) == (409, "busy")
        other.rollback()
    again = site.browser().client.post("/api/v1/lead/claim", json={"ids": [lead]}, headers=headers)
    assert again.get_json()["done"] == [lead]


def _impatient(connection: object) -> None:
    connection.execute("SET lock_timeout = 100")  # type: ignore[attr-defined]
    connection.commit()  # type: ignore[attr-defined]
