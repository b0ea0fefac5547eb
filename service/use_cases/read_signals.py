"""The only ways to a signal's content: a purpose in force, or the person's own request (P11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.crypto.reading import SUBJECT_RIGHTS, Reading, of_data
from service.errors import ForbiddenError, UnreadableError
from service.policy import Policy, State, holds
from service.storage.signals import (
    SealedSignal,
    SignalContent,
    data_categories,
    open_signal,
    read_sealed,
    read_sealed_of,
)
from service.storage.subjects import Subject
from service.storage.unit import Unit


class PurposeNotInForceError(ForbiddenError):
    """No purpose in force permits reading this."""


@dataclass(frozen=True, slots=True)
class Signal:
    """`data` is the content; `id` the sender's own; `category` the catalogue's, for signals about goods."""

    at: datetime
    type: str
    id: str
    data: dict[str, Any]
    category: str | None


class KeptSignals:
    """All signals of one person as they were read, still sealed, for several readers in one transaction. What
    one of them may read is asked anew for each; what it opens is not opened again."""

    def __init__(self, sealed: Sequence[SealedSignal]) -> None:
        self._sealed = sealed
        self._opened: dict[tuple[UUID, str], SignalContent | None] = {}

    def open(self, subject: Subject, readings: Mapping[str, Reading]) -> Iterator[Signal]:
        """Those of the data categories of `readings`. Only for who may read them all."""
        for signal in self._sealed:
            content = next(
                (
                    found
                    for data, reading in readings.items()
                    if (found := self._open(subject, signal, data, reading))
                ),
                None,
            )
            if content is not None:
                yield _signal(signal, content)

    def _open(
        self, subject: Subject, signal: SealedSignal, data: str, reading: Reading
    ) -> SignalContent | None:
        key = (signal.id, data)
        if key not in self._opened:
            self._opened[key] = open_signal(subject, signal, data, reading)
        return self._opened[key]


def keep_signals(unit: Unit, subjects: Iterable[Subject]) -> dict[UUID, KeptSignals]:
    """Those of several people, in one round trip; nothing is opened yet."""
    return {owner: KeptSignals(sealed) for owner, sealed in read_sealed_of(unit, subjects).items()}


def may_read(policy: Policy, state: State, data: str, purpose: str, now: datetime) -> bool:
    """Whether `purpose` is in force for the person, covers the data category, and the person shares it
    where that is a choice (a duty asks nobody; decision.md, `data_not_shared`)."""
    known = policy.purposes.get(purpose)
    if known is None or data not in known.data or not holds(policy, state, purpose, now):
        return False
    return known.is_duty or policy.data[data].necessary or state.sharing.get(data) is True


def purpose_for(policy: Policy, state: State, data: str, now: datetime) -> str | None:
    """The first purpose of the policy under which this data of the person may be read now."""
    return next((name for name in policy.purposes if may_read(policy, state, data, name, now)), None)


def read_signals(
    unit: Unit, subject: Subject, data: str, purpose: str, *, since: datetime | None = None
) -> list[Signal]:
    """The subject's signals of one data category later than `since`, oldest first.

    Raises PurposeNotInForceError, before anything is read or opened, unless `may_read` says yes.
    """
    return read_signals_of(unit, subject, {data: purpose}, since=since)


def read_signals_of(
    unit: Unit,
    subject: Subject,
    sources: Mapping[str, str],
    *,
    since: datetime | None = None,
    kept: KeptSignals | None = None,
) -> list[Signal]:
    """The same for several data categories, each with its purpose, in one query; or in none, where the caller
    has `kept` the subject's signals."""
    state = subject.state(unit.now)
    for data, purpose in sources.items():
        if not may_read(unit.policy, state, data, purpose, unit.now):
            raise PurposeNotInForceError
    readings = {data: of_data(purpose, data) for data, purpose in sources.items()}
    kept = kept or KeptSignals(read_sealed(unit, subject, since))
    return list(kept.open(subject, readings))


def disclose_signals(unit: Unit, subject: Subject) -> list[Signal]:
    """All of them, oldest first, for the purpose `subject_rights` alone: the person's own request.

    Raises UnreadableError for a signal that opens as no data category, old ones included: an access
    report must not leave anything out silently.
    """
    # Those of the policy in force first: most signals open as one of them.
    readings = {
        data: of_data(SUBJECT_RIGHTS.purpose, data) for data in (*unit.policy.data, *data_categories(unit))
    }
    signals = []
    for signal in read_sealed(unit, subject):
        content = _open(subject, signal, readings)
        if content is None:
            raise UnreadableError
        signals.append(_signal(signal, content))
    return signals


def _open(subject: Subject, signal: SealedSignal, readings: Mapping[str, Reading]) -> SignalContent | None:
    opened = (open_signal(subject, signal, data, reading) for data, reading in readings.items())
    return next((content for content in opened if content is not None), None)


def _signal(signal: SealedSignal, content: SignalContent) -> Signal:
    return Signal(signal.at, content.type, content.id, content.data, content.category)
