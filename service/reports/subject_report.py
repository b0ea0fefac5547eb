"""The report of an access request (GDPR Art. 15; law.md §7): everything held on a person, in clear.

Its sections follow Art. 15(1): the data itself, purposes and their basis, recipients, periods, sources,
decisions taken, consent history, who has looked, and the rights that remain. Values are reproduced as
they are kept, not summed up (C-487/21).
"""

from __future__ import annotations

from typing import Any

from service.actor import show_subject
from service.ids import CONSENT_EVENT, REQUEST, show
from service.instants import show_instant
from service.reports import holdings
from service.storage.access_log import Read, read_reads
from service.storage.merge import read_merged_subjects
from service.storage.requests import Request, list_requests_of
from service.storage.subjects import Subject, read_events
from service.storage.unit import Unit
from service.use_cases.change_preferences import show_preferences
from service.use_cases.list_consents import list_consents, show_event
from service.use_cases.put_mandate import show_mandate

FORMAT = "samtycke-subject-report/1"


def subject_report(unit: Unit, subject: Subject, request: Request) -> dict[str, Any]:
    """The whole report as JSON. Raises UnreadableError rather than leave anything out."""
    # Decisions and reads stay with the subject they were about, also when it was merged into this one.
    everyone = [subject, *read_merged_subjects(unit, subject.id)]
    decisions = [shown for each in everyone for shown in holdings.decisions(unit, each)]
    signals = holdings.signals(unit, subject)
    reorders = [shown for each in everyone for shown in holdings.reorders(unit, each)]
    history = [_event(show_event(event)) for event in read_events(unit, subject)]
    return {
        "format": FORMAT,
        "request": {"id": show(REQUEST, request.id), "created_at": show_instant(request.created_at)},
        "made_at": show_instant(unit.now),
        "confirmation": "Personal data about this person is processed here.",
        "summary": {
            "consent_events": len(history),
            "signals": len(signals),
            "decisions": len(decisions),
            "reorders": len(reorders),
        },
        "person": _person(unit, subject),
        "consents": list_consents(subject, unit.policy, unit.now),
        "objections": list(subject.choices.objections),
        "preferences": show_preferences(subject),
        "mandates": [show_mandate(mandate) for mandate in subject.choices.mandates],
        "signals": signals,
        "contacts": [
            {"at": show_instant(c.at), "channel": c.channel, "programme": c.programme}
            for c in subject.activity.contacts
        ],
        "orders": [
            {
                "at": show_instant(o.at),
                "sku": o.sku,
                "mandate": o.mandate,
                "amount_minor": o.amount_minor,
                "quantity": o.quantity,
            }
            for o in subject.activity.orders
        ],
        "reorders": reorders,
        "reviews": [shown for each in everyone for shown in holdings.reviews(unit, each)],
        "cases": [shown for each in everyone for shown in holdings.cases(unit, each, subject.choices.locale)],
        "withdrawals": [shown for each in everyone for shown in holdings.withdrawals(unit, each)],
        "messages": [shown for each in everyone for shown in holdings.messages(unit, each)],
        "inbox": holdings.inbox(unit, subject),
        "decisions": decisions,
        "consent_history": history,
        "requests": [_request(r) for each in everyone for r in list_requests_of(unit, each.id)],
        "access_log": [_access(read) for each in everyone for read in read_reads(unit, each)],
        "processing": _processing(unit),
        "rights": RIGHTS,
    }


RIGHTS = {
    "yours": ["rectification", "erasure", "restriction", "portability", "objection", "human review"],
    "how": "POST /v1/requests, or write to the controller",
    "complaint": {
        "SE": "Integritetsskyddsmyndigheten",
        "DK": "Datatilsynet",
        "NO": "Datatilsynet",
        "FI": "Tietosuojavaltuutetun toimisto",
    },
}


def _person(unit: Unit, subject: Subject) -> dict[str, Any]:
    choices = subject.choices
    return {
        "id": show_subject(subject.id),
        "status": subject.status,
        "epoch": subject.epoch,
        "locale": choices.locale,
        "country": choices.country,
        "timezone": choices.timezone,
        "birth_date": None if choices.birth_date is None else choices.birth_date.isoformat(),
        "flags": {
            flag: None if until is None else show_instant(until) for flag, until in choices.flags.items()
        },
        "identifiers": holdings.identifiers(unit, subject),
    }


def _event(event: dict[str, Any]) -> dict[str, Any]:
    recorded_at = show_instant(event["recorded_at"])
    return event | {"id": show(CONSENT_EVENT, event["id"]), "recorded_at": recorded_at}


def _request(request: Request) -> dict[str, Any]:
    return {
        "id": show(REQUEST, request.id),
        "type": request.type,
        "state": request.state,
        "created_at": show_instant(request.created_at),
        "due_at": show_instant(request.due_at),
    }


def _access(read: Read) -> dict[str, Any]:
    """When, in which role and by which route; not whose name it was (C-579/21)."""
    return {"at": show_instant(read.at), "role": read.role, "route": read.route}


def _processing(unit: Unit) -> dict[str, Any]:
    """Purposes with basis and data, recipients and periods, as the policy in force names them."""
    document = unit.policy.document
    return {
        "policy_version": unit.in_force.version,
        "controller": document.get("controller"),
        "purposes": {
            name: {
                key: purpose[key]
                for key in ("basis", "data", "valid_for", "recipients", "retention", "texts")
                if key in purpose
            }
            for name, purpose in document["purposes"].items()
        },
        "data": {
            name: {key: data[key] for key in ("sharing", "retention", "texts") if key in data}
            for name, data in document["data"].items()
        },
        "recipients": document.get("recipients"),
    }
