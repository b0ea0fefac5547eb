"""The rules of detectors (docs/pilots.md): plain thresholds over what was bought, rated, returned and
complained of, each explained by the numbers that it went by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median

from service.policy.detectors import Detector

# A rhythm needs three days of purchase, that is two intervals.
LEAST_DAYS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """One signal, as far as a rule looks at it. `metric` and `score` are a rating's."""

    at: datetime
    type: str
    sku: str | None = None
    category: str | None = None
    metric: str | None = None
    score: int | None = None


@dataclass(frozen=True, slots=True)
class SeenRunOut:
    """A forecast: `anchor` is when the stock was last filled up."""

    sku: str
    category: str
    anchor: datetime
    earliest: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """Why: what was seen, how many days ago (in how many, for a run-out), and how many are usual. `weight` is
    what it counted for where several parts were added up."""

    what: str
    sku: str | None = None
    days: int | None = None
    usual_days: int | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found. What began at one `anchor` is found once, however often one looks."""

    anchor: datetime
    sku: str | None
    category: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`look_again`: when the same signals could give another answer; None: never, without new ones."""

    found: tuple[Found, ...]
    look_again: datetime | None


def look_for(
    detectors: Mapping[str, Detector],
    name: str,
    seen: Sequence[Seen],
    run_outs: Sequence[SeenRunOut],
    now: datetime,
) -> Verdict:
    """What one of the detectors finds at `now`. What is later, or of a type that it does not read, is not
    looked at."""
    detector = detectors[name]
    known = sorted((s for s in seen if s.at <= now and s.type in detector.types), key=lambda s: s.at)
    if detector.rule == "likely_to_leave":
        return _likely_to_leave(detectors, detector, known, run_outs, now)
    if detector.rule == "run_out":
        return _run_out(detector, run_outs, now)
    return _RULES[detector.rule](detector, known, now)


def _run_out(detector: Detector, run_outs: Sequence[SeenRunOut], now: datetime) -> Verdict:
    ahead = timedelta(days=detector.settings["within_days"])
    found, looks = [], []
    for each in run_outs:
        if each.earliest - ahead > now:
            looks.append(each.earliest - ahead)
        else:
            part = Part("run_out", each.sku, (each.earliest - now).days)
            found.append(Found(each.anchor, each.sku, each.category, (part,)))
    return Verdict(tuple(found), min(looks, default=None))


@dataclass(frozen=True, slots=True)
class _Rhythm:
    """One product bought regularly enough to say when it is overdue."""

    sku: str
    category: str | None
    last: datetime
    usual: timedelta


def _rhythms(seen: Sequence[Seen]) -> Iterator[_Rhythm]:
    bought: dict[str, list[Seen]] = {}
    for each in seen:
        if each.type == "purchase" and each.sku is not None:
            bought.setdefault(each.sku, []).append(each)
    for sku, purchases in bought.items():
        # Two receipts of one day are one purchase.
        days: list[date] = sorted({each.at.date() for each in purchases})
        if len(days) >= LEAST_DAYS:
            usual = median((later - earlier).days for earlier, later in pairwise(days))
            yield _Rhythm(sku, purchases[-1].category, purchases[-1].at, timedelta(days=usual))


def regular_products(seen: Sequence[Seen], now: datetime) -> set[str]:
    """The products that were bought up to `now` often enough for a rhythm."""
    return {each.sku for each in _rhythms(sorted((s for s in seen if s.at <= now), key=lambda s: s.at))}


def _lapsed(detector: Detector, seen: Sequence[Seen], now: datetime) -> Verdict:
    """Nothing bought for `times` the usual interval."""
    found, looks = [], []
    for each in _rhythms(seen):
        overdue = each.last + each.usual * detector.settings["times"]
        if overdue > now:
            looks.append(overdue)
        else:
            part = Part("no_purchase", each.sku, (now - each.last).days, each.usual.days)
            found.append(Found(each.last, each.sku, each.category, (part,)))
    return Verdict(tuple(found), min(looks, default=None))


def _moved_on(detector: Detector, seen: Sequence[Seen], now: datetime) -> Verdict:
    """Overdue, and since the last purchase another product of the category was bought for the first time."""
    found, looks = [], []
    for each in _rhythms(seen):
        instead = _first_bought_since(seen, each)
        overdue = each.last + each.usual * (detector.settings.get("times") or 1)
        if instead is None:
            continue
        if overdue > now:
            looks.append(overdue)
        else:
            parts = (
                Part("no_purchase", each.sku, (now - each.last).days, each.usual.days),
                Part("bought_instead", instead.sku, (now - instead.at).days),
            )
            found.append(Found(each.last, each.sku, each.category, parts))
    return Verdict(tuple(found), min(looks, default=None))


def _first_bought_since(seen: Sequence[Seen], rhythm: _Rhythm) -> Seen | None:
    others = [
        each
        for each in seen
        if each.type == "purchase" and each.sku != rhythm.sku and each.category == rhythm.category
    ]
    known = {each.sku for each in others if each.at <= rhythm.last}
    return next((each for each in others if each.at > rhythm.last and each.sku not in known), None)


def _dissatisfied(detector: Detector, seen: Sequence[Seen], now: datetime) -> Verdict:
    """A rating at or below its limit, a return or a complaint, in the last days."""
    limits, since = detector.settings.get("rating") or {}, timedelta(days=detector.settings["within_days"])
    bad = [each for each in seen if each.at > now - since and _is_bad(each, limits)]
    if not bad:
        return Verdict((), None)
    parts = tuple(Part(each.type, each.sku, (now - each.at).days) for each in bad)
    return Verdict((Found(bad[-1].at, None, None, parts),), None)


def _is_bad(seen: Seen, limits: Mapping[str, int]) -> bool:
    # Of the types that the detector reads, all but a rating are bad by themselves.
    if seen.type != "rating":
        return True
    limit = limits.get(seen.metric or "")
    return limit is not None and seen.score is not None and seen.score <= limit


def _likely_to_leave(
    detectors: Mapping[str, Detector],
    detector: Detector,
    seen: Sequence[Seen],
    run_outs: Sequence[SeenRunOut],
    now: datetime,
) -> Verdict:
    """The weights of the detectors that find something, added up, reach the threshold."""
    parts, anchors, looks = [], [], []
    for name, weight in detector.settings["weights"].items():
        verdict = look_for(detectors, name, seen, run_outs, now)
        if verdict.look_again is not None:
            looks.append(verdict.look_again)
        if verdict.found:
            newest = max(verdict.found, key=lambda found: found.anchor)
            anchors.append(newest.anchor)
            first = newest.parts[0]
            parts.append(Part(name, first.sku, first.days, first.usual_days, weight))
    found: tuple[Found, ...] = ()
    if parts and sum(part.weight or 0 for part in parts) >= detector.settings["threshold"]:
        found = (Found(max(anchors), None, None, tuple(parts)),)
    return Verdict(found, min(looks, default=None))


_RULES: dict[str, Callable[[Detector, Sequence[Seen], datetime], Verdict]] = {
    "lapsed": _lapsed,
    "moved_on": _moved_on,
    "dissatisfied": _dissatisfied,
}
