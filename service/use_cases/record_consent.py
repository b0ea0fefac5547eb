"""Record what a person answered when asked for consent: to a purpose, or to being written to on a channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.consent_states import ConsentState, state_after, state_of
from service.errors import ConflictError, ForbiddenError, InputFault, InvalidInputError
from service.instants import show_instant
from service.policy import Policy, add_duration, consent_status
from service.storage.choices import StoredConsent
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.change import Changed, commit_change
from service.use_cases.consent_event import Notice, RecordConsent, about, payload_of
from service.use_cases.notices import current_notice
from service.use_cases.past_uses import past_uses

__all__ = [
    "STATUSES",
    "ConsentRecorded",
    "Notice",
    "RecordConsent",
    "may_ask_from",
    "record_consent",
]

# Who may say what (api.md). A token of several roles may say what any of them may.
STATUSES_BY_ROLE = {
    "customer": frozenset({"given", "refused", "withdrawn", "deferred"}),
    "shop": frozenset({"requested"}),
    "dpo": frozenset({"revoked", "invalidated"}),
    "system": frozenset({"given", "refused", "withdrawn", "deferred", "requested"}),
}
STATUSES = tuple(sorted(frozenset().union(*STATUSES_BY_ROLE.values())))

# These tell what was asked, not what was answered, so they never replace an answer.
_QUESTIONS = frozenset({"requested", "deferred"})
_OPEN = frozenset({"unknown", "requested", "deferred"})
_NOES = frozenset({"refused", "withdrawn", "revoked", "invalidated"})
DEFAULT_SKEW = timedelta(minutes=5)
NO_NEW_QUESTION = "P6M"


@dataclass(frozen=True, slots=True)
class ConsentRecorded:
    """`state` is the status in DPV's words, which tell a renewed consent from a first one."""

    status: str
    state: ConsentState
    expires_at: datetime | None
    changed: Changed


@dataclass(frozen=True, slots=True)
class Applied:
    """What the event of an answer says, and what the answer led to."""

    payload: dict[str, Any]
    state: ConsentState
    expires_at: datetime | None


def record_consent(unit: Unit, subject_id: UUID, command: RecordConsent) -> ConsentRecorded:
    """Raises ForbiddenError for a status that is not this role's to say, InvalidInputError for an unknown
    purpose, channel or notice or a clock too far off, and ConflictError when a later answer stands or what
    is said cannot follow on what stands (service.consent_states)."""
    # Whoever is a customer and staff as well speaks as a customer for herself alone.
    roles = unit.actor.roles if unit.actor.subject == subject_id else unit.actor.roles - {"customer"}
    if not any(command.status in STATUSES_BY_ROLE.get(role, ()) for role in roles):
        raise ForbiddenError(f"{unit.actor.role} may not record {command.status!r}")
    since = check_answer(unit, command)
    subject = lock_subject(unit, subject_id)
    answered = apply_answer(unit, subject, command, since)
    payload = answered.payload
    if command.status == "invalidated":
        payload["past_uses"] = past_uses(unit, subject, about(command))
    changed = commit_change(unit, subject, payload)
    return ConsentRecorded(command.status, answered.state, answered.expires_at, changed)


def apply_answer(unit: Unit, subject: Subject, command: RecordConsent, since: datetime) -> Applied:
    """Set a checked answer in the choices of a person. Raises ConflictError as `record_consent` does."""
    answers = subject.choices.consents if command.purpose else subject.choices.opt_ins
    key = command.purpose or command.channel or ""
    before = answers.get(key)
    _check_order(before, command, since)
    state = _next_state(unit, subject, command, before)
    expires_at = _expires_at(unit.policy, command, since)
    payload = payload_of(unit, subject, command, before) | {
        "state": state.value,
        "at": show_instant(since),
        "expires_at": None if expires_at is None else show_instant(expires_at),
    }
    if not (command.status in _QUESTIONS and before is not None and before.status not in _OPEN):
        answers[key] = StoredConsent(
            status=command.status,
            since=_counts_from(unit, command, since),
            explicit=command.explicit,
            notice_version=command.notice.version if command.notice else 0,
            expires_at=expires_at,
            renewed=state is ConsentState.RENEWED,
        )
    if command.channel:
        _switch_channel(subject, command.channel, command.status)
    return Applied(payload, state, expires_at)


def may_ask_from(consent: StoredConsent) -> datetime | None:
    """No new question for six months after a refusal (law.md G3); None when nothing stands in the way."""
    if consent.status != "refused":
        return None
    return add_duration(consent.since, NO_NEW_QUESTION)


def check_answer(unit: Unit, command: RecordConsent) -> datetime:
    """Since when an answer is to count. Raises InvalidInputError."""
    faults: list[InputFault] = []
    policy = unit.policy
    if (command.purpose is None) == (command.channel is None):
        faults.append(InputFault("", "name either a purpose or a channel"))
    elif command.purpose is not None:
        purpose = policy.purposes.get(command.purpose)
        if purpose is None:
            faults.append(InputFault("/purpose", "the policy has no such purpose"))
        elif purpose.basis != "consent":
            faults.append(InputFault("/purpose", f"rests on {purpose.basis}, not on consent"))
        else:
            faults += _check_notice(command, current_notice(policy, command.purpose))
    elif command.channel is None or command.channel not in policy.channels:
        faults.append(InputFault("/channel", "the policy has no such channel"))
    else:
        faults += _check_notice(command, current_notice(policy, command.channel, channel=True))
    if command.notice is None and command.status in {"given", "refused", "requested", "deferred"}:
        faults.append(InputFault("/notice", f"is needed for {command.status}: which text was shown?"))
    since = command.at or unit.now
    skew = timedelta(seconds=policy.document.get("skew_seconds", DEFAULT_SKEW.total_seconds()))
    if abs(since - unit.now) > skew:
        faults.append(InputFault("/at", f"is more than {skew} from the time here"))
    if faults:
        raise InvalidInputError(faults)
    return since


def _check_notice(command: RecordConsent, current: int | None) -> list[InputFault]:
    if command.notice is None or current is None or command.notice.version <= current:
        return []
    return [InputFault("/notice/version", f"the newest notice is version {current}")]


def _check_order(before: StoredConsent | None, command: RecordConsent, since: datetime) -> None:
    if before is None:
        return
    if command.status in {"given", "requested"} and before.status != "expired":
        # A yes that was clicked before a no but arrives after it must not undo the no; nor one that is sent
        # again with the instant at which the no was recorded.
        resent = command.at is not None and before.status in _NOES and since <= before.since
        if since < before.since or resent:
            raise ConflictError("a later answer stands already", status=before.status)
    if command.status == "requested":
        ask_from = may_ask_from(before)
        if ask_from is not None and since < ask_from:
            members = {"status": before.status, "may_ask_from": show_instant(ask_from)}
            raise ConflictError("this person has answered already", **members)


def _counts_from(unit: Unit, command: RecordConsent, since: datetime) -> datetime:
    """A no counts from the moment we answer it, whatever the client's clock says: everything that was said
    before that is older (guarantees P1)."""
    return unit.now if command.status in _NOES else since


def _next_state(
    unit: Unit, subject: Subject, command: RecordConsent, before: StoredConsent | None
) -> ConsentState:
    """The state that this leads to. What stands now is judged at this moment: a yes that has run out, or that
    was given under an older notice, stands as expired, whether or not a sweep has come by."""
    status = "unknown" if before is None else before.status
    if status == "given" and command.purpose is not None:
        status = consent_status(unit.policy, subject.state(unit.now), command.purpose, unit.now)
    after = state_after(state_of(status), command.status)
    if after is None:
        detail = f"{state_of(command.status).value} cannot follow on {state_of(status).value}"
        raise ConflictError(detail, status=status)
    return after


def _expires_at(policy: Policy, command: RecordConsent, since: datetime) -> datetime | None:
    if command.purpose is None or command.status != "given":
        return None
    valid_for = policy.purposes[command.purpose].valid_for
    return None if valid_for is None else add_duration(since, valid_for)


def _switch_channel(subject: Subject, channel: str, status: str) -> None:
    if status not in _QUESTIONS:
        subject.choices.channels[channel] = status == "given"
