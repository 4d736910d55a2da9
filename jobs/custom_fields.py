"""What a custom field asks of the database, done in the background."""

from __future__ import annotations

from portal.domain import custom_fields, custom_indexes
from portal.engine.text import Text
from portal.engine.work import RunHandle, work
from portal.models import CustomField

_READY = Text("字段“{name}”已可用。 | The field “{name}” is ready.")


@work(custom_fields.WORK)
def prepare(run: RunHandle) -> None:
    """Build its indexes, then offer what they serve."""
    field_id = int(run.arguments["id"])
    with run.unit_of_work() as session:
        row = session.get_one(CustomField, field_id)
        session.expunge(row)
    with run.unit_of_work() as session:
        problem = custom_indexes.prepare(session, row)
    with run.unit_of_work() as session:
        custom_fields.settle(session, field_id, problem)
        said = problem or Text(_READY.template, name={"zh": row.label_zh, "en": row.label_en})
        run.finish({"text": said.stored(), "href": f"/custom_field/{field_id}"})
