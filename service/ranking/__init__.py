"""Arbitration between what is permitted: which offer comes first. Pure, on the standard library alone.

For now the business value of an offer alone decides. What a person would make of it (forecast.md) is not
estimated yet; when it is, `rank` is the place, and nothing else has to know.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """A permitted offer. `place` is the caller's own; `value` is what the offer is worth to the business."""

    place: int
    offer: str
    value: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """`score` is comparable within one answer alone."""

    place: int
    score: float


def rank(options: Iterable[Option]) -> list[Ranked]:
    """Best first: the most valuable, and of equals the one whose id comes first."""
    best_first = sorted(options, key=lambda option: (-option.value, option.offer, option.place))
    return [Ranked(option.place, float(option.value)) for option in best_first]
