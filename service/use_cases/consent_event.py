"""What somebody says about a consent, and the event that keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.policy import Policy
from service.storage.choices import StoredConsent
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.notices import channel_notice_of, notice_of


@dataclass(frozen=True, slots=True)
class Notice:
    """The text the person saw: its major version and the language it was shown in."""

    version: int
    locale: str


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """Exactly one of `purpose` and `channel` is set. `at` is the client's clock, `evidence` free text."""

    status: str
    notice: Notice | None
    origin: str
    purpose: str | None = None
    channel: str | None = None
    explicit: bool = False
    at: datetime | None = None
    evidence: str | None = None


def about(command: RecordConsent) -> dict[str, Any]:
    return {"purpose": command.purpose} if command.purpose else {"channel": command.channel}


def payload_of(
    unit: Unit, subject: Subject, command: RecordConsent, before: StoredConsent | None
) -> dict[str, Any]:
    """What the event says, but for the instants that the use case works out."""
    return {
        "kind": "consent",
        **about(command),
        "status": command.status,
        "explicit": command.explicit,
        "notice": _shown_notice(unit.policy, command),
        # What a receipt needs to say the same for ever: the rules of this day, and, where no text was shown,
        # under which one the answer that stood before had been given.
        "policy": unit.in_force.version,
        "stood_under": 0 if before is None else before.notice_version,
        "locale": subject.choices.locale,
        "origin": command.origin,
        "evidence": command.evidence,
    }


def _shown_notice(policy: Policy, command: RecordConsent) -> dict[str, Any] | None:
    """The text that was shown: version and language as the client says, and for the text in force the
    revision and hash of its words (law.md G1)."""
    if command.notice is None:
        return None
    shown: dict[str, Any] = {"version": command.notice.version, "locale": command.notice.locale}
    if command.purpose:
        notice = notice_of(policy.document, command.purpose)
    else:
        notice = channel_notice_of(policy.document, command.channel or "")
    digest = notice.hashes.get(command.notice.locale)
    if notice.version == command.notice.version and digest is not None:
        shown |= {"revision": notice.revision, "sha256": digest}
    return shown
