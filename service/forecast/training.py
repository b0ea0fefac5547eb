"""Learning a model from purchase histories, by moments: sums over people, in which nobody stands out.

Locations and spreads are those of a one-way layout (people within a key), each key drawn to its parent by how
little it knows (empirical Bayes). Quantiles are recalibrated on what came after each purchase, and those who
had not bought again when the record ends count as not having done so yet (Kaplan and Meier 1958).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import log, sqrt

from service.forecast.intervals import predict
from service.forecast.model import BUCKETS, EVERYTHING, Model, Prior, Quantiles, bucket_of, keys_of

# Fewer people than this in a key and its parent speaks instead: no prior says anything about one person.
LEAST_PEOPLE = 20
# A key counts for itself as much as its parent does once it has this many people.
_PARENT_PEOPLE = 40
_LEAST_CASES = 200
_NARROWEST, _WIDEST = 0.05, 2.0
_Z_LIMIT = 4.0
_LEAST_FREE = 2
_WEIGHTS = (1.0, 16.0)


@dataclass(frozen=True, slots=True)
class Series:
    """One person's purchase days of one product (days on any calendar, ascending, no two alike), until when
    they were watched, and how long a purchase usually lasts, if the catalogue says."""

    person: object
    sku: str
    category: str
    days: Sequence[int]
    until: int
    usual_days: float | None = None

    @property
    def logs(self) -> list[float]:
        """The intervals' logarithms."""
        return [log(later - earlier) for earlier, later in pairwise(self.days)]


@dataclass(slots=True)
class _Sums:
    """Of all series of one key."""

    people: set[object] = field(default_factory=set)
    series: int = 0
    count: int = 0
    squares: int = 0
    total: float = 0.0
    means: float = 0.0
    weighted: float = 0.0
    inside: float = 0.0
    offset: float = 0.0
    offsets: int = 0
    # Of the logarithms of people's own variances, freed of what so few intervals would scatter by anyway.
    spreads: int = 0
    spread: float = 0.0
    spread_squares: float = 0.0
    noise: float = 0.0

    def add(self, series: Series, logs: Sequence[float]) -> None:
        count, total = len(logs), sum(logs)
        mean = total / count
        self.people.add(series.person)
        self.series += 1
        self.count += count
        self.squares += count * count
        self.total += total
        self.means += mean
        self.weighted += count * mean * mean
        inside = sum((value - mean) ** 2 for value in logs)
        self.inside += inside
        if count > _LEAST_FREE:
            half = (count - 1) / 2
            own = log(max(inside / (count - 1), _NARROWEST**2)) - _digamma(half) + log(half)
            self.spreads += 1
            self.spread += own
            self.spread_squares += own * own
            self.noise += _trigamma(half)
        if series.usual_days is not None:
            self.offset += mean - log(series.usual_days)
            self.offsets += 1


def train(histories: Iterable[Series], version: str, start: Model) -> Model:
    """A model of `histories`; where they say too little, `start` goes on speaking."""
    kept = list(histories)
    sums: dict[str, _Sums] = {}
    parents: dict[str, str] = {}
    for series in kept:
        if len(series.days) < 2:
            continue
        logs, chain = series.logs, list(keys_of(series.sku, series.category))
        parents.update(pairwise(chain))
        for key in chain:
            sums.setdefault(key, _Sums()).add(series, logs)
    if not sums or len(sums[EVERYTHING].people) < LEAST_PEOPLE:
        return replace(start, version=version)
    priors = {EVERYTHING: _prior(sums[EVERYTHING], start.priors[EVERYTHING])}
    # From the root down, since each key is drawn to its parent.
    for key in sorted(parents, key=lambda key: (key.startswith("sku:"), key.count("."))):
        if len(sums[key].people) >= LEAST_PEOPLE:
            priors[key] = _prior(sums[key], priors[_nearest(parents, key, priors)])
    learned = replace(start, version=version, priors=priors)
    return replace(learned, quantiles=_quantiles(kept, learned))


def _nearest(parents: Mapping[str, str], key: str, priors: Mapping[str, Prior]) -> str:
    """The closest ancestor with a prior; everything has one."""
    parent = parents[key]
    return parent if parent in priors else _nearest(parents, parent, priors)


def _prior(sums: _Sums, parent: Prior) -> Prior:
    people = len(sums.people)
    own = people / (people + _PARENT_PEOPLE)
    # By person, not by interval: whoever buys often has more intervals, all of them short.
    location = sums.means / sums.series
    offset = sums.offset / sums.offsets if sums.offsets else parent.offset
    free = sums.count - sums.series
    within = parent.within**2 if free < LEAST_PEOPLE else sums.inside / free
    between = parent.between**2
    spare = sums.count - sums.squares / sums.count
    if sums.series > 1 and spare > 0:
        scatter = sums.weighted - sums.total**2 / sums.count
        between = max((scatter - (sums.series - 1) * within) / spare, 0.0)
    return Prior(
        location=_mixed(own, location, parent.location),
        offset=_mixed(own, offset, parent.offset),
        between=_bounded(sqrt(_mixed(own, between, parent.between**2))),
        within=_bounded(sqrt(_mixed(own, within, parent.within**2))),
        weight=_mixed(own, _weight(sums, parent.weight), parent.weight),
        people=people,
    )


def _weight(sums: _Sums, parents: float) -> float:
    """How many intervals the belief in a common spread counts for: the fewer, the more people differ."""
    if sums.spreads < LEAST_PEOPLE:
        return parents
    differ = (sums.spread_squares - sums.spread**2 / sums.spreads - sums.noise) / sums.spreads
    least, most = _WEIGHTS
    # The variance of a log-variance falls with the weight, so halving finds the weight that has this one.
    for _ in range(30):
        middle = (least + most) / 2
        least, most = (middle, most) if _trigamma(middle / 2) > differ else (least, middle)
    return middle


def _digamma(x: float) -> float:
    below = 0.0
    while x < 6:
        below += 1 / x
        x += 1
    return log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - below


def _trigamma(x: float) -> float:
    below = 0.0
    while x < 6:
        below += 1 / x**2
        x += 1
    return below + 1 / x + 1 / (2 * x**2) + 1 / (6 * x**3) - 1 / (30 * x**5)


def _quantiles(histories: Sequence[Series], model: Model) -> dict[int, Quantiles]:
    """Of what came after each purchase, in spreads from what `model` says, per length of history."""
    cases: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for series in histories:
        prior, logs = model.prior(series.sku, series.category), series.logs
        for past in range(len(series.days)):
            expected = predict(logs[:past], prior, series.usual_days)
            happened = past < len(logs)
            days = series.until - series.days[past]
            if not happened and days < 1:
                continue
            came = logs[past] if happened else log(days)
            cases[bucket_of(past)].append(((came - expected.location) / expected.spread, happened))
    return {
        bucket: _calibrated(cases[bucket]) if len(cases[bucket]) >= _LEAST_CASES else model.quantiles[bucket]
        for bucket in BUCKETS
    }


def _calibrated(cases: list[tuple[float, bool]]) -> Quantiles:
    return Quantiles(*(_survival_quantile(cases, share) for share in (0.1, 0.5, 0.9)))


def _survival_quantile(cases: list[tuple[float, bool]], share: float) -> float:
    """Below which `share` of the cases came, of those that were watched so long (Kaplan and Meier)."""
    left, surviving = len(cases), 1.0
    for z, happened in sorted(cases):
        if happened:
            surviving *= 1 - 1 / left
            if surviving <= 1 - share:
                return min(max(z, -_Z_LIMIT), _Z_LIMIT)
        left -= 1
    return _Z_LIMIT


def _mixed(own: float, value: float, parents: float) -> float:
    return own * value + (1 - own) * parents


def _bounded(spread: float) -> float:
    return min(max(spread, _NARROWEST), _WIDEST)
