"""Store what happened, if the person's choices let us know of it at all (api.md, "Signals")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from service.errors import InputFault, InvalidInputError, UnreadableError
from service.policy import State, signal_refusal
from service.storage.catalogue import ask_listings, listings_of
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
from service.use_cases.apply_flags import SITUATION, FlagChange, apply_flags, flag_changes

# Clocks of tills drift and time zones get mixed up by less than this; beyond it the instant is wrong.
MOST_AHEAD = timedelta(days=1)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)

# Refusals besides those of `service.policy.SIGNAL_REFUSALS`.
SITUATION_UNKNOWN = "situation_unknown"
UNREADABLE = "subject_unreadable"

# Refusals about persons who have no key that opens: nothing can be sealed for them.
KEYLESS = frozenset({"subject_unknown", "subject_erased", UNREADABLE})

# Not on the path of any category, so the gate answers `category_unknown` where its turn comes.
_UNLISTED = ""


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
    """`reason` is set for `refused` alone."""

    status: Literal["stored", "duplicate", "refused"]
    reason: str | None = None


STORED = SignalResult("stored")
DUPLICATE = SignalResult("duplicate")


def store_signals(unit: Unit, signals: Sequence[NewSignal]) -> list[SignalResult]:
    """One result per signal, in order. A refused signal leaves no trace.

    Raises NotFoundError when a customer speaks of somebody else, and InvalidInputError for instants that
    cannot be true; then nothing is stored.
    """
    for subject_id in {signal.subject for signal in signals}:
        unit.actor.reach(subject_id)
    faults = [
        InputFault(f"/{position}/at", "lies in the future" if signal.at >= EARLIEST else "lies before 1900")
        for position, signal in enumerate(signals)
        if not plausible(signal.at, unit.now)
    ]
    if faults:
        raise InvalidInputError(faults)
    subjects, unreadable = _lock(unit, {signal.subject for signal in signals})
    gate = _Gate(unit, subjects, unreadable, signals)
    digests = [dedupe_digest(unit, signal.subject, signal.type, signal.id) for signal in signals]
    asked = [(signal.subject, digest) for signal, digest in zip(signals, digests, strict=True)]
    known = known_digests(unit, asked) if subjects else set()
    results: list[SignalResult] = []
    rows: list[SignalRow] = []
    changes: dict[UUID, list[FlagChange]] = {}
    for signal, digest in zip(signals, digests, strict=True):
        refusal = gate.refusal(signal)
        if refusal is not None:
            results.append(refusal)
        elif digest in known:
            results.append(DUPLICATE)
        else:
            known.add(digest)
            results.append(STORED)
            subject = subjects[signal.subject]
            data = unit.policy.signals[signal.type].data
            content = SignalContent(signal.type, signal.id, signal.data, gate.category(signal))
            rows.append(SignalRow(subject, digest, signal.at, data, content))
            said = flag_changes(unit.policy, signal.type, signal.at, signal.data)
            if said:
                changes.setdefault(subject.id, []).extend(said)
    # Flags first: what they look up are the signals stored before these.
    for subject_id, said in sorted(changes.items()):
        apply_flags(unit, subjects[subject_id], said)
    if rows:
        insert_signals(unit, rows)
        wake_forecasts(unit, {row.subject.id for row in rows})
    return results


def plausible(at: datetime, now: datetime) -> bool:
    """Whether something can have happened at `at`."""
    return EARLIEST <= at <= now + MOST_AHEAD


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


class _Gate:
    """The policy's answers for one call. A person's choices stand still under the lock, so each question
    (who, what kind, which category) is asked once."""

    def __init__(
        self,
        unit: Unit,
        subjects: dict[UUID, Subject],
        unreadable: set[UUID],
        signals: Sequence[NewSignal],
    ) -> None:
        self._unit = unit
        self._states: dict[UUID, State] = {s.id: s.state(unit.now) for s in subjects.values()}
        self._unreadable = unreadable
        skus = {sku for signal in signals if (sku := signal.data.get("sku")) is not None}
        self._listings = listings_of(ask_listings(unit.db, skus)) if skus else {}
        self._answers: dict[tuple[UUID, str, str | None], SignalResult | None] = {}

    def category(self, signal: NewSignal) -> str | None:
        """The catalogue's category of the goods that the signal is about."""
        sku = signal.data.get("sku")
        if sku is None:
            return None
        listing = self._listings.get(sku)
        return _UNLISTED if listing is None else listing.category

    def refusal(self, signal: NewSignal) -> SignalResult | None:
        if signal.subject in self._unreadable:
            return SignalResult("refused", UNREADABLE)
        key = (signal.subject, signal.type, self.category(signal))
        if key not in self._answers:
            reason = signal_refusal(
                self._unit.policy, self._states.get(signal.subject), signal.type, key[2], self._unit.now
            )
            self._answers[key] = None if reason is None else SignalResult("refused", reason)
        answer = self._answers[key]
        if answer is None and signal.type == SITUATION and not self._knows_situation(signal):
            return SignalResult("refused", SITUATION_UNKNOWN)
        return answer

    def _knows_situation(self, signal: NewSignal) -> bool:
        return signal.data["name"] in self._unit.policy.suppressions
