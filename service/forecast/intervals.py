"""The time to the next purchase: log-normal, with a prior for location and spread (forecast.md).

The conjugate normal-inverse-chi-squared update on log-days: with few intervals the product's usual
duration speaks, with many the person's own rhythm does. The prior's numbers are our own judgement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean

# One interval's worth of belief in the usual duration; four in a spread of .5, which is mostly regular.
PRIOR_WEIGHT = 1.0
PRIOR_SPREAD = 0.5
PRIOR_SPREAD_WEIGHT = 4.0

# The standard normal's 10 % quantile: earliest and latest leave a tenth outside on either side.
Z10 = 1.2815515655446004


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Days, log-normal: `location` and `spread` are of their logarithm. A spread of 0 is a certain day."""

    location: float
    spread: float

    @property
    def median(self) -> float:
        return exp(self.location)

    @property
    def earliest(self) -> float:
        """One in ten comes sooner."""
        return exp(self.location - Z10 * self.spread)

    @property
    def latest(self) -> float:
        """One in ten comes later."""
        return exp(self.location + Z10 * self.spread)


def next_interval(intervals: Sequence[float], usual_days: float | None) -> LogNormal | None:
    """The predictive distribution of the next interval, in days.

    `intervals` are the past ones, all above 0; `usual_days` is how long one purchase usually lasts. None
    when there is neither.
    """
    logs = [log(days) for days in intervals]
    if usual_days is None and not logs:
        return None
    # Without a usual duration the person's own mean is the prior, which then says nothing new.
    prior = fmean(logs) if usual_days is None else log(usual_days)
    count = len(logs)
    weight = PRIOR_WEIGHT + count
    location = (PRIOR_WEIGHT * prior + sum(logs)) / weight
    mean = fmean(logs) if logs else prior
    scatter = sum((value - mean) ** 2 for value in logs)
    surprise = PRIOR_WEIGHT * count / weight * (mean - prior) ** 2
    variance = (PRIOR_SPREAD_WEIGHT * PRIOR_SPREAD**2 + scatter + surprise) / (PRIOR_SPREAD_WEIGHT + count)
    return LogNormal(location, sqrt(variance * (1 + 1 / weight)))
