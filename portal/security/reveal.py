"""A masked value shown to one person, once, for a reason; the history keeps who, when, which field and why."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from portal.engine import audit, custom
from portal.engine.errors import BadRequest, NotAllowed, PortalError
from portal.engine.query.listing import seen_field
from portal.engine.spec import Spec
from portal.security.fields import Rights
from portal.security.principal import Principal

VERB = "reveal"
_LONGEST_REASON = 500


class NoReason(PortalError):
    """Nobody looks without saying why."""

    status = 422
    rule = "reason"

    def __init__(self) -> None:
        super().__init__("请写明查看的原因。 | Say why you need to see it.")


def reveal(session: Session, spec: Spec, record: Any, key: str, *, reason: str, acting_user: Principal) -> Any:
    """The whole value of a field that is masked in this record (which came through the gate).

    The line in the history names the field and never the value: it is written before the value leaves.
    """
    rights = Rights(acting_user)
    if not acting_user.may(f"{spec.name}:{VERB}"):
        raise NotAllowed
    field = seen_field(spec, key, rights)
    mask = rights.mask(spec, field)
    if mask is None or not mask.covers({name: getattr(record, name) for name in mask.needs}):
        raise BadRequest("“{label}”没有隐藏。 | “{label}” is not hidden.", label=field.label)
    why = reason.strip()[:_LONGEST_REASON]
    if not why:
        raise NoReason
    audit.write(session, verb=VERB, entity=spec.name, record_id=record.id, after={"field": key}, reason=why)
    return custom.value_of(spec, record, key)
