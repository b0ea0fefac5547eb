"""A pilot compared with the rest: what was counted in each group, as rates with their uncertainty.

The counts are kept as they happen, so a report costs nothing per customer. Groups of few people are not
shown: what is said of them could be said of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from service.detectors import Rate, rate_of
from service.policy.pilots import Arm
from service.storage.pilots import Count, read_counts
from service.storage.unit import Unit

LEAST_PEOPLE = 10

# Shadows of which it is known what came of them.
_CLOSED = "closed"
# What is counted, and of what it is a part.
_OF = {
    "told": "proposed",
    "taken": "proposed",
    "skipped": "proposed",
    "cancelled": "proposed",
    "stopped": "proposed",
    "late": "proposed",
    "dispatched": "proposed",
    "delivered": "proposed",
    "failed": "proposed",
    "bought_before": _CLOSED,
    "bought_after": _CLOSED,
    "ordered": _CLOSED,
    "never": _CLOSED,
    "unknown": _CLOSED,
    # Of people: each counts once, however often.
    "returned": "people",
    "complaint": "people",
}
_RATINGS = ("nps", "csat")


@dataclass(frozen=True, slots=True)
class Rating:
    count: int
    mean: float


@dataclass(frozen=True, slots=True)
class Group:
    """One arm. `people` is None for fewer than LEAST_PEOPLE of them, and then nothing else is said. `rates`
    by metric; `days_late` is the mean from a forecast's middle to the person's own purchase."""

    arm: Arm
    people: int | None
    proposed: int = 0
    shadows: int = 0
    rates: Mapping[str, Rate] = field(default_factory=dict)
    ratings: Mapping[str, Rating] = field(default_factory=dict)
    days_late: float | None = None


@dataclass(frozen=True, slots=True)
class DetectorGroup:
    """The events of one detector in one stage. `hits`: of those whose time is over. In the stages `shadow`
    and `outside` nothing was proposed, so theirs is the rate to compare with."""

    detector: str
    arm: Arm
    people: int | None
    events: int = 0
    hits: Rate | None = None
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class PilotReport:
    groups: list[Group]
    detectors: list[DetectorGroup]


def pilot_report(unit: Unit, programme: str | None = None) -> PilotReport:
    """Of every programme, or of one."""
    return report_of(read_counts(unit.db, programme))


def report_of(counts: Iterable[Count]) -> PilotReport:
    """The arithmetic alone. `counts` are sorted by group."""
    report = PilotReport([], [])
    for (detector, arm), group in groupby(counts, key=lambda count: (count.detector, count.arm)):
        found = {count.metric: count for count in group}
        if detector:
            report.detectors.append(_detector(detector, arm, found))
        else:
            report.groups.append(_group(arm, found))
    return report


def _group(arm: Arm, found: Mapping[str, Count]) -> Group:
    people = _number(found, "people")
    if people < LEAST_PEOPLE:
        return Group(arm, None)
    numbers = {metric: _number(found, metric) for metric in ("people", "proposed", *_OF)}
    numbers[_CLOSED] = sum(numbers[metric] for metric, whole in _OF.items() if whole == _CLOSED)
    rates = {
        metric: rate
        for metric, whole in _OF.items()
        if (rate := _rate(numbers[metric], numbers[whole])) is not None
    }
    ratings = {name: Rating(c.count, c.total / c.count) for name in _RATINGS if (c := found.get(name))}
    bought = [found[each] for each in ("bought_before", "bought_after") if each in found]
    return Group(
        arm,
        people,
        _number(found, "proposed"),
        _number(found, "shadow"),
        rates,
        ratings,
        sum(c.total for c in bought) / sum(c.count for c in bought) if bought else None,
    )


def _detector(detector: str, arm: Arm, found: Mapping[str, Count]) -> DetectorGroup:
    people = _number(found, "people")
    if people < LEAST_PEOPLE:
        return DetectorGroup(detector, arm, None)
    hits, misses = _number(found, "hit"), _number(found, "miss")
    return DetectorGroup(
        detector,
        arm,
        people,
        _number(found, "event"),
        _rate(hits, hits + misses),
        _number(found, "withdrawn"),
    )


def _rate(count: int, of: int) -> Rate | None:
    # Where the oldest months have been removed, an end may be left of which the beginning is gone.
    return rate_of(min(count, of), of)


def _number(found: Mapping[str, Count], metric: str) -> int:
    return found[metric].count if metric in found else 0


def show_report(report: PilotReport) -> dict[str, Any]:
    """As JSON."""
    return {
        "least_people": LEAST_PEOPLE,
        "groups": [_show_group(group) for group in report.groups],
        "detectors": [_show_detector(group) for group in report.detectors],
    }


def _show_group(group: Group) -> dict[str, Any]:
    shown: dict[str, Any] = {**group.arm._asdict(), "people": group.people}
    if group.people is None:
        return shown
    shown |= {
        "proposed": group.proposed,
        "shadows": group.shadows,
        "rates": {name: show_rate(rate) for name, rate in group.rates.items()},
        "ratings": {n: {"count": r.count, "mean": round(r.mean, 2)} for n, r in group.ratings.items()},
        "days_late": None if group.days_late is None else round(group.days_late, 1),
    }
    return shown


def _show_detector(group: DetectorGroup) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "detector": group.detector,
        "programme": group.arm.programme,
        "strategy": group.arm.strategy,
        "stage": group.arm.stage,
        "people": group.people,
    }
    if group.people is None:
        return shown
    return shown | {
        "events": group.events,
        "hits": None if group.hits is None else show_rate(group.hits),
        "withdrawn": group.withdrawn,
    }


def show_rate(rate: Rate) -> dict[str, Any]:
    return {
        "count": rate.count,
        "of": rate.of,
        "rate": round(rate.value, 4),
        "low": round(rate.low, 4),
        "high": round(rate.high, 4),
    }
