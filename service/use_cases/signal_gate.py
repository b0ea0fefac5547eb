"""The gate that every signal passes, however it arrives: each question is asked once a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from uuid import UUID

from service.policy import State, signal_refusal
from service.storage.catalogue import ask_listings, listings_of
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.apply_flags import SITUATION, situations

# Refusals besides those of `service.policy.SIGNAL_REFUSALS`.
SITUATION_UNKNOWN = "situation_unknown"
UNREADABLE = "subject_unreadable"

# Refusals about persons who have no key that opens: nothing can be sealed for them.
KEYLESS = frozenset({"subject_unknown", "subject_erased", UNREADABLE})

# Not on the path of any category, so the policy answers `category_unknown` where its turn comes.
_UNLISTED = ""


class Told(Protocol):
    """What the gate asks of a signal."""

    @property
    def subject(self) -> UUID: ...

    @property
    def type(self) -> str: ...

    @property
    def data(self) -> Mapping[str, Any]: ...


class SignalGate:
    """The answers about signals of locked subjects, whose choices therefore stand still."""

    def __init__(
        self, unit: Unit, subjects: Iterable[Subject], unreadable: set[UUID], signals: Iterable[Told]
    ) -> None:
        self._policy, self._now = unit.policy, unit.now
        self._states: dict[UUID, State] = {s.id: s.state(unit.now) for s in subjects}
        self._unreadable = unreadable
        skus = {sku for signal in signals if (sku := signal.data.get("sku")) is not None}
        self._listings = listings_of(ask_listings(unit.db, skus)) if skus else {}
        self._answers: dict[tuple[UUID, str, str | None], str | None] = {}

    def category(self, signal: Told) -> str | None:
        """The catalogue's category of the goods that the signal is about; None: it is about none."""
        sku = signal.data.get("sku")
        if sku is None:
            return None
        listing = self._listings.get(sku)
        return _UNLISTED if listing is None else listing.category

    def refusal(self, signal: Told) -> str | None:
        """Why the signal must not be stored; None if it may be."""
        if signal.subject in self._unreadable:
            return UNREADABLE
        category = self.category(signal)
        # All that the policy says about a category depends on its place, and there are few of those.
        place = None if category is None else (self._policy.place(category) or _UNLISTED)
        key = (signal.subject, signal.type, place)
        if key not in self._answers:
            state = self._states.get(signal.subject)
            self._answers[key] = signal_refusal(self._policy, state, signal.type, category, self._now)
        answer = self._answers[key]
        if answer is None and signal.type == SITUATION:
            return None if signal.data["name"] in situations(self._policy) else SITUATION_UNKNOWN
        return answer
