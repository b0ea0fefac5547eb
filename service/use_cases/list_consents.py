"""What a person has agreed to, purpose by purpose, as it stands now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.instants import show_instant
from service.policy import Policy, consent_status
from service.policy.purposes import is_objected
from service.storage.choices import StoredConsent
from service.storage.subjects import Event, Subject
from service.use_cases.notices import current_notice
from service.use_cases.record_consent import may_ask_from


def list_consents(subject: Subject, policy: Policy, now: datetime) -> list[dict[str, Any]]:
    """Every purpose of the policy with its computed status (`not_needed` where it rests on another basis
    than consent). Opt-ins to channels follow, marked by `channel`."""
    state = subject.state(now)
    purposes = [
        {
            "purpose": name,
            "basis": purpose.basis,
            "status": consent_status(policy, state, name, now),
            "objected": is_objected(purpose, state),
            "explicit_needed": purpose.explicit,
            "current_notice_version": current_notice(policy, name),
            **_answer(subject.choices.consents.get(name)),
        }
        for name, purpose in policy.purposes.items()
    ]
    channels = [
        {"channel": name, "status": _channel_status(subject, name), "opt_in_needed": channel.opt_in}
        | _answer(subject.choices.opt_ins.get(name))
        for name, channel in policy.channels.items()
    ]
    return purposes + channels


def show_event(event: Event) -> dict[str, Any]:
    """One event of the history, with its place in the chain."""
    return {
        "id": event.id,
        "number": event.number,
        "recorded_at": event.at,
        "previous": event.previous.hex(),
        "digest": event.digest.hex(),
        **event.payload,
    }


def _channel_status(subject: Subject, channel: str) -> str:
    on = subject.choices.channels.get(channel)
    return {None: "unknown", True: "given", False: "refused"}[on]


def _answer(consent: StoredConsent | None) -> dict[str, Any]:
    if consent is None:
        return {"since": None, "expires_at": None, "notice_version": None, "may_ask_from": None}
    return {
        "since": show_instant(consent.since),
        "expires_at": _shown(consent.expires_at),
        "explicit": consent.explicit,
        "notice_version": consent.notice_version,
        "may_ask_from": _shown(may_ask_from(consent)),
    }


def _shown(at: datetime | None) -> str | None:
    return None if at is None else show_instant(at)
