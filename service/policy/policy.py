"""A checked policy document in the form that the evaluator reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from service.policy.answers import Reason, blocked
from service.policy.detectors import Detector
from service.policy.levels import Level
from service.policy.parts import (
    Cap,
    Category,
    Channel,
    Data,
    Programme,
    Purpose,
    Rollout,
    Signal,
    Suppression,
)
from service.policy.paths import depth_of, paths_of
from service.policy.values import Mandate

if TYPE_CHECKING:
    from service.policy.rules import Ladder

FORMAT = "samtycke-policy/1"
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A whole policy. Make one with `load_policy`; `document` is what it was made from."""

    document: Mapping[str, Any]
    default_level: Level
    purposes: Mapping[str, Purpose]
    data: Mapping[str, Data]
    programmes: Mapping[str, Programme]
    categories: Mapping[str, Category]
    channels: Mapping[str, Channel]
    contact_caps: tuple[Cap, ...]
    suppressions: Mapping[str, Suppression]
    rollout: tuple[Rollout, ...]
    signals: Mapping[str, Signal]
    # The evaluator does not look at them.
    detectors: Mapping[str, Detector] = field(default_factory=dict)

    # Worked out on first use, from the fields above alone: see `rules.py` and `reason`.
    compiled: dict[tuple[str, str], Ladder] = field(default_factory=dict, init=False, repr=False)
    ladders: dict[tuple[str, str], Ladder | None] = field(default_factory=dict, init=False, repr=False)
    reasons: dict[tuple[Level, str, str | None], Reason] = field(default_factory=dict, init=False, repr=False)

    def prefixes(self, category: str) -> tuple[str, ...]:
        """The entries of the policy on a category's path, `*` first where there is one, then downwards."""
        paths = ("*", *paths_of(category, self._depth()))
        return tuple(path for path in paths if path in self.categories)

    def knows_category(self, category: str) -> bool:
        """Whether some entry but `*` lies on the category's path."""
        return self.place(category) is not None

    def place(self, category: str) -> str | None:
        """The deepest path on the way to a category that the policy says anything about; None: unknown.

        Everything that the policy says about a category depends on this place alone.
        """
        rolled_out = {entry.category for entry in self.rollout}
        place, known = None, False
        for path in paths_of(category, self._depth()):
            known = known or path in self.categories
            if path in self.categories or path in rolled_out:
                place = path
        return place if known else None

    def reason(self, level: Level, code: str, on: str | None) -> Reason:
        """The reason with which a rung is blocked by something that the policy names, or by nothing named.

        These are few, so each is made once. What a person or a candidate brings never comes here.
        """
        try:
            return self.reasons[level, code, on]
        except KeyError:
            pass
        explicit = self.purposes[on].explicit if on is not None and code.startswith("consent_") else None
        made = self.reasons[level, code, on] = blocked(level, code, on, explicit=explicit)
        return made

    def _depth(self) -> int:
        """The depth below which the policy names no category, so that an endless path costs nothing."""
        named = [*self.categories, *(entry.category for entry in self.rollout)]
        return max(map(depth_of, named), default=0)

    def longest_window(self, mandates: Iterable[Mandate] = ()) -> timedelta:
        """How far back contacts and orders matter: the longest cap, a week for the customer's own limit,
        and what the given mandates look at."""
        caps = [*self.contact_caps, *(cap for channel in self.channels.values() for cap in channel.caps)]
        windows = [_WEEK, *(timedelta(hours=cap.hours) for cap in caps)]
        for mandate in mandates:
            windows.append(timedelta(days=max(mandate.spend_days or 0, mandate.min_days_between or 0)))
        return max(windows)
