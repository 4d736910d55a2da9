"""What the engine and the verbs say when they refuse. Every message is bilingual and says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.engine.text import Language, Text


class PortalError(Exception):
    """A refusal in the user's words."""

    status = 400
    rule = "refused"

    def __init__(self, template: str, /, *, rule: str = "", **facts: Any) -> None:
        self.text = Text(template, facts)
        self.rule = rule or type(self).rule
        super().__init__(self.text.in_("en"))

    def in_(self, language: Language) -> str:
        return self.text.in_(language)


class Refused(PortalError):
    """A business rule says no; `rule` names it."""

    status = 409


class NotFound(PortalError):
    """The record is not there or not visible: both answer alike."""

    status = 404
    rule = "not_found"

    def __init__(self) -> None:
        super().__init__(
            "没有这条记录，或者你看不到它。请返回列表。 | There is no such record, or you may not see it. Go back to the list."
        )


class NotAllowed(PortalError):
    """The actor lacks the verb."""

    status = 403
    rule = "not_allowed"

    def __init__(self, template: str = "", /, **facts: Any) -> None:
        super().__init__(template or "你没有这个权限，请联系管理员。 | You do not have this permission. Ask an administrator.", **facts)


class BadRequest(PortalError):
    """Arguments that cannot be understood are refused, never ignored."""

    rule = "bad_request"


class Invalid(PortalError):
    """Input that a person can correct: field key → message."""

    status = 422
    rule = "invalid"

    def __init__(self, errors: Mapping[str, Text]) -> None:
        self.errors = dict(errors)
        why = dict.fromkeys((text.in_("zh"), text.in_("en")) for text in self.errors.values())
        said = {"zh": "".join(zh for zh, _ in why), "en": " ".join(en for _, en in why)}
        super().__init__("请改正：{why} | Please correct: {why}", why=said)


class Changed(PortalError):
    """Somebody saved the record first."""

    status = 409
    rule = "changed"

    def __init__(self) -> None:
        super().__init__("别人刚改过这条记录，请核对后再保存。 | Somebody changed this record meanwhile. Compare and save again.")


class Unseen(PortalError):
    """A save that does not say which version it was made on: what somebody else saved meanwhile would be lost unseen."""

    status = 428
    rule = "version_required"

    def __init__(self) -> None:
        super().__init__("请带上 version：读这条记录时得到的版本号。 | Send version: the number that reading this record gave.")


class WrongDeclaration(Exception):
    """A declaration that cannot work; raised at start with what to fix."""
