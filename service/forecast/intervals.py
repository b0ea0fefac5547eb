"""The time to the next purchase: log-normal, with a learned prior for location and spread (forecast.md).

The conjugate normal-inverse-chi-squared update on log-days: with few intervals the prior speaks, with many
the person's own rhythm does.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

from service.forecast.lognormal import LogNormal
from service.forecast.model import Prior


def predict(logs: Sequence[float], prior: Prior, usual_days: float | None) -> LogNormal:
    """The next interval, given the logarithms of the past ones and how long a purchase usually lasts."""
    expected = prior.location if usual_days is None else log(usual_days) + prior.offset
    held = belief(prior)
    count = len(logs)
    weight = held + count
    total = sum(logs)
    location = (held * expected + total) / weight
    variance = prior.within**2
    if count:
        mean = total / count
        scatter = sum((value - mean) ** 2 for value in logs)
        surprise = held * count / weight * (mean - expected) ** 2
        variance = (prior.weight * variance + scatter + surprise) / (prior.weight + count)
    return LogNormal(location, sqrt(variance * (1 + 1 / weight)))


def belief(prior: Prior) -> float:
    """As many intervals' worth of belief in the prior location as people differ less than their intervals."""
    return (prior.within / prior.between) ** 2
