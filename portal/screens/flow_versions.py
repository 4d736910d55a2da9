"""The part of the flow page about its versions: which there were, one of them again, the shipped one, none any more."""

from __future__ import annotations

from dataclasses import dataclass

from portal.domain import flow_desk, flow_versions
from portal.domain.flow_versions import Version
from portal.engine.given import id_of
from portal.engine.verbs import Verb
from portal.web import records

_BUTTONS = ("off", "shipped", "again")


@dataclass(frozen=True, slots=True)
class Past:
    """What parts/flow_past.html draws."""

    versions: tuple[Version, ...]
    may_edit: bool
    may_switch_off: bool
    may_go_back: bool


def past(verb: Verb) -> Past:
    """The versions of a verb's flow, and what can be done about the one in use."""
    edits = records.principal().may(flow_desk.EDIT)
    return Past(
        tuple(flow_versions.versions(verb)), edits, edits and flow_versions.may_switch_off(verb), edits and flow_versions.may_go_back(verb)
    )


def taken_up(entity: str, name: str, do: str) -> bool:
    """Whether the button pressed was one of this part's; then it is done. Raises where it is refused."""
    what, _, number = do.partition(":")
    if what not in _BUTTONS:
        return False
    with records.writing() as (_session, now):
        who = records.principal()
        match what:
            case "off":
                flow_versions.switch_off(entity, name, acting_user=who, now=now)
            case "shipped":
                flow_versions.back_to_shipped(entity, name, acting_user=who, now=now)
            case _:
                flow_versions.take_up(entity, name, id_of(number) or 0, acting_user=who, now=now)
    return True
