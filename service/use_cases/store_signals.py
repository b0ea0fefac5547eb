"""Store what happened, if the person's choices let us know of it at all (api.md, "Signals")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from service.errors import InputFault, InvalidInputError, UnreadableError
from service.storage.signals import (
    SignalContent,
    SignalRow,
    dedupe_digest,
    insert_signals,
    known_digests,
    wake_forecasts,
)
from service.storage.subjects import Subject, lock_subjects, read_subjects
from service.storage.unit import Unit
from service.use_cases.apply_flags import FlagChange, apply_flags, flag_changes
from service.use_cases.count_feedback import COUNTED, count_feedback
from service.use_cases.note_parcels import note_parcels
from service.use_cases.signal_gate import SignalGate

# Clocks of tills drift and time zones get mixed up by less than this; beyond it the instant is wrong.
MOST_AHEAD = timedelta(days=1)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewSignal:
    """`id` is the sender's own, unique per subject and type; `data` has passed the shape of its type."""

    subject: UUID
    type: str
    at: datetime
    data: dict[str, Any]
    id: str


@dataclass(frozen=True, slots=True)
class SignalResult:
    """`reason` is set for `refused` alone: one of SIGNAL_REFUSALS or of `signal_gate`."""

    status: Literal["stored", "duplicate", "refused"]
    reason: str | None = None


STORED = SignalResult("stored")
DUPLICATE = SignalResult("duplicate")


def store_signals(unit: Unit, signals: Sequence[NewSignal]) -> list[SignalResult]:
    """One result per signal, in order. A refused signal leaves no trace, but for the parcel of an order that
    went through us (`note_parcels`).

    Raises NotFoundError when a customer speaks of somebody else, and InvalidInputError for instants that
    cannot be true; then nothing is stored.
    """
    _check(unit, signals)
    subjects, unreadable = _lock(unit, {signal.subject for signal in signals})
    gate = SignalGate(unit, subjects.values(), unreadable, signals)
    digests = [dedupe_digest(unit, signal.subject, signal.type, signal.id) for signal in signals]
    pairs = [(signal.subject, digest) for signal, digest in zip(signals, digests, strict=True)]
    known = known_digests(unit, pairs) if subjects else set()
    results: list[SignalResult] = []
    rows: list[SignalRow] = []
    changes: dict[UUID, list[FlagChange]] = {}
    for signal, digest in zip(signals, digests, strict=True):
        reason = gate.refusal(signal)
        if reason is not None:
            results.append(SignalResult("refused", reason))
        elif digest in known:
            results.append(DUPLICATE)
        else:
            known.add(digest)
            results.append(STORED)
            data = unit.policy.signals[signal.type].data
            content = SignalContent(signal.type, signal.id, signal.data, gate.category(signal))
            rows.append(SignalRow(subjects[signal.subject], digest, signal.at, data, content))
            said = flag_changes(unit.policy, signal.type, signal.at, signal.data)
            if said:
                changes.setdefault(signal.subject, []).extend(said)
    # Flags first: what they look up are the signals stored before these.
    for subject_id, said in sorted(changes.items()):
        apply_flags(unit, subjects[subject_id], said)
    note_parcels(unit, subjects, signals)
    if rows:
        insert_signals(unit, rows)
        wake_forecasts(unit, {row.subject.id for row in rows})
        for row in rows:
            if row.content.type in COUNTED:
                count_feedback(unit, row.subject, row.content.type, row.content.data)
    return results


def plausible(at: datetime, now: datetime) -> bool:
    """Whether something can have happened at `at`."""
    return EARLIEST <= at <= now + MOST_AHEAD


def _check(unit: Unit, signals: Sequence[NewSignal]) -> None:
    for subject_id in {signal.subject for signal in signals}:
        unit.actor.reach(subject_id)
    faults = [
        InputFault(f"/{position}/at", "lies in the future" if signal.at >= EARLIEST else "lies before 1900")
        for position, signal in enumerate(signals)
        if not plausible(signal.at, unit.now)
    ]
    if faults:
        raise InvalidInputError(faults)


def _lock(unit: Unit, ids: set[UUID]) -> tuple[dict[UUID, Subject], set[UUID]]:
    """The subjects, locked, and those whose state cannot be read: they must not hold up the others."""
    try:
        return lock_subjects(unit, ids), set()
    except UnreadableError:
        found: dict[UUID, Subject] = {}
        unreadable = set()
        for subject_id in ids:
            try:
                found |= read_subjects(unit.db, unit.keyring, [subject_id])
            except UnreadableError:
                unreadable.add(subject_id)
        return found, unreadable
