"""What is held on one subject, table by table, opened for the person's own request (`subject_rights`)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from service.errors import UnreadableError
from service.explanations.names import summary_of, title_of
from service.ids import CASE, IDENTIFIER, MESSAGE, REORDER, REVIEW, WITHDRAWAL, show
from service.instants import show_instant
from service.storage.cases import Case, Event, read_cases
from service.storage.decisions import DecisionRow, decision_ids
from service.storage.holdings import decisions_of
from service.storage.identifiers import read_identifiers
from service.storage.inbox import read_whole_inbox
from service.storage.outbox import read_messages
from service.storage.records import Record, StoredCandidate, show_level
from service.storage.reorders import Reorder, read_reorders
from service.storage.reviews import Review, read_reviews
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.storage.withdrawals import read_withdrawals
from service.use_cases.read_signals import disclose_signals


def identifiers(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    return [
        {
            "id": show(IDENTIFIER, each.id),
            "type": each.type,
            "value": each.value,
            "created_at": show_instant(each.created_at),
        }
        for each in read_identifiers(unit, subject)
    ]


def signals(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    return [asdict(each) | {"at": show_instant(each.at)} for each in disclose_signals(unit, subject)]


def reorders(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    return [_reorder(each) for each in read_reorders(unit, subject)]


def cases(unit: Unit, subject: Subject, locale: str) -> list[dict[str, Any]]:
    """What was detected, or would have been proposed: with the data it was made from, and why in words."""
    return [_case(unit, each, locale) for each in read_cases(unit, subject)]


def _case(unit: Unit, case: Case, locale: str) -> dict[str, Any]:
    details = case.details
    if details is None:
        raise UnreadableError
    shown = {
        "id": show(CASE, case.id),
        "state": case.state,
        "created_at": show_instant(case.created_at),
        "details": msgspec.to_builtins(details),
    }
    if not isinstance(details, Event):
        return shown
    return shown | {
        "title": title_of(unit.policy, "detectors", details.detector, locale),
        "why": summary_of(unit.policy, "detectors", details.detector, locale),
        "data": [title_of(unit.policy, "data", each, locale) for each in details.data],
        "purpose": title_of(unit.policy, "purposes", details.purpose, locale),
    }


def withdrawals(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """From contracts, refused ones too."""
    return [
        {
            "id": show(WITHDRAWAL, each.id),
            "reorder": show(REORDER, each.reorder),
            "outcome": each.outcome,
            "at": show_instant(each.at),
            **msgspec.to_builtins(each.details),
        }
        for each in read_withdrawals(unit, subject)
    ]


def inbox(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    return [
        {
            "id": show(MESSAGE, each.id),
            "created_at": show_instant(each.created_at),
            "read_at": None if each.read_at is None else show_instant(each.read_at),
            **each.said,
        }
        for each in read_whole_inbox(unit, subject)
    ]


def decisions(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """Every decision by itself, as `GET /v1/decisions/{id}` names it."""
    return [shown for row in decisions_of(unit, subject) for shown in _decisions(row)]


def _decisions(row: DecisionRow) -> list[dict[str, Any]]:
    record = row.record
    return [
        {
            "id": decision,
            "at": show_instant(row.at),
            "policy": row.policy,
            "epoch": row.epoch,
            "asked_by": record.role,
            "candidate": _candidate(record.candidates[index]),
            "decision": _answer(record, index),
            "fields_read": list(record.fields),
        }
        for index, decision in enumerate(decision_ids(row.id, len(record.candidates)))
    ]


def _answer(record: Record, index: int) -> dict[str, Any] | None:
    """None where no decision could be made because the state could not be read."""
    decision = record.decision(index)
    return None if decision is None else decision.to_dict()


def _candidate(candidate: StoredCandidate) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(candidate))
    return shown | {"strategy": show_level(candidate.strategy)}


def messages(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """What was or is to be said to the person, or ordered for them, and what became of it."""
    return [
        {
            "id": show(MESSAGE, entry.id),
            "state": entry.state,
            "attempts": entry.attempts,
            "handed_over_at": None if entry.claimed_at is None else show_instant(entry.claimed_at),
            "ended_at": None if entry.ended_at is None else show_instant(entry.ended_at),
            "message": msgspec.to_builtins(entry.message),
        }
        for entry in read_messages(unit, subject)
    ]


def reviews(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """What a pharmacist was asked and answered about the person's orders; not whose name it was."""
    return [_review(each) for each in read_reviews(unit, subject)]


def _review(review: Review) -> dict[str, Any]:
    if review.content is None:
        raise UnreadableError
    return {
        "id": show(REVIEW, review.id),
        "reorder": show(REORDER, review.reorder),
        "state": review.state,
        "created_at": show_instant(review.created_at),
        "settled_at": None if review.settled_at is None else show_instant(review.settled_at),
        "case": {key: value for key, value in msgspec.to_builtins(review.content).items() if key != "sub"},
    }


def _reorder(reorder: Reorder) -> dict[str, Any]:
    return {
        "id": show(REORDER, reorder.id),
        "state": reorder.state,
        "created_at": show_instant(reorder.created_at),
        "updated_at": show_instant(reorder.updated_at),
        "details": msgspec.to_builtins(reorder.details),
    }
