"""One person at one instant: what candidates for the same subject share, worked out once.

Nothing here decides; it remembers, for as long as one call of `evaluate` or `evaluate_all` lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

from service.policy import instants
from service.policy.control import effective_level
from service.policy.faults import Fault, InputRefused
from service.policy.levels import Level
from service.policy.parts import Purpose
from service.policy.pilots import bucket_of, pilot_seed
from service.policy.policy import Policy
from service.policy.purposes import purpose_codes
from service.policy.quiet import arc_of
from service.policy.values import State

if TYPE_CHECKING:
    from service.policy.obstacles import Obstacles
    from service.policy.rules import Rung


_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Passage:
    """One channel for a rung: the codes that drop it, or from when it is free and the waits until then."""

    channel: str
    drops: tuple[str, ...]
    free_at: datetime
    waits: tuple[str, ...]


class Person:
    """A state under a policy at `now` (UTC, whole seconds)."""

    def __init__(self, policy: Policy, state: State, now: datetime) -> None:
        self.policy = policy
        self.state = state
        self.now = now
        # Filled by `obstacles.py`: by rung, category, data and channels.
        self.obstacles: dict[tuple[Rung, str | None, tuple[str, ...], tuple[str, ...]], Obstacles] = {}
        # Filled by `channels.py`: by channel, whether an opt-in is asked for, and whether caps count.
        self.passages: dict[tuple[str, bool, bool], Passage] = {}
        self.paused = state.paused_until is not None and state.paused_until > now
        # State that cannot be read is no state, whether or not a candidate would have asked for it.
        self.zone = _read("/timezone", instants.zone, state.timezone)
        self.quiet = None if state.quiet is None else _read("/quiet", arc_of, state.quiet)
        self._today: date | None = None
        self._purposes: dict[str, tuple[str, ...]] = {}
        self._levels: dict[str, tuple[Level, str]] = {}
        self._contacts: dict[str, list[datetime]] = {}
        self._buckets: dict[tuple[str, Level], int] = {}

    @property
    def today(self) -> date:
        if self._today is None:
            self._today = self.now.astimezone(self.zone).date()
        return self._today

    def purpose_codes(self, purpose: Purpose) -> tuple[str, ...]:
        codes = self._purposes.get(purpose.name)
        if codes is None:
            codes = self._purposes[purpose.name] = purpose_codes(purpose, self.state, self.now)
        return codes

    def level(self, category: str) -> tuple[Level, str]:
        found = self._levels.get(category)
        if found is None:
            found = self._levels[category] = effective_level(self.policy, self.state, category)
        return found

    def is_younger(self, years: int) -> bool:
        """Whether the birthday that ends an age limit is still to come; someone must have a birth date.

        Comparing year, month and day one by one lets 29 February fall on 1 March in other years.
        """
        born, today = self.state.birth_date, self.today
        assert born is not None
        return (today.year, today.month, today.day) < (born.year + years, born.month, born.day)

    def contacts(self, channel: str | None) -> list[datetime]:
        """The instants of contacts up to now, latest first; None: over all channels together."""
        if not self._contacts:
            past = sorted(((c.at, c.channel) for c in self.state.contacts if c.at <= self.now), reverse=True)
            self._contacts[""] = [at for at, _ in past]
            for at, name in past:
                self._contacts.setdefault(name, []).append(at)
        return self._contacts.get(channel or "", [])

    def bucket(self, programme: str, level: Level) -> int:
        """The pilot bucket, 0 to 99."""
        bucket = self._buckets.get((programme, level))
        if bucket is None:
            seed = pilot_seed(programme, level)
            bucket = self._buckets[programme, level] = bucket_of(seed, self.state.subject)
        return bucket


def _read(path: str, read: Callable[[_Given], _Made], value: _Given) -> _Made:
    try:
        return read(value)
    except ValueError as error:
        raise InputRefused([Fault(path, str(error))]) from error
