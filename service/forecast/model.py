"""What a forecast has learned: priors per category, and quantiles by length of history.

The embedded default was learned from the customers of our own demo, who do not exist
(`python -m service.embedded.demo.priors`); a shop's own replaces it (docs/forecast.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

EVERYTHING = "*"
# The fewest past intervals of each bucket of history length.
BUCKETS = (0, 1, 2, 3, 4, 6, 10)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a stranger's intervals, in natural logarithms of days.

    `location` is the usual one, `offset` its distance from how long the catalogue says that a purchase lasts;
    `between` is the spread of people's own locations, `within` that of one person's intervals, and `weight`
    how many intervals the belief in `within` counts for. `people`: how many it was learned from.
    """

    location: float
    offset: float
    between: float
    within: float
    weight: float
    people: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """How many spreads from the location one in ten, half and nine in ten come, at one length of history."""

    z10: float
    z50: float
    z90: float


@dataclass(frozen=True, slots=True)
class Model:
    """`priors` by sku (`sku:…`), category path and `*`; `quantiles` by the buckets' lower ends; `gate` is the
    spread from which nothing is shipped unasked. `version` names it in every forecast made with it."""

    version: str
    priors: Mapping[str, Prior]
    quantiles: Mapping[int, Quantiles]
    gate: float

    def prior(self, sku: str | None, category: str) -> Prior:
        """The most specific one there is."""
        return next(self.priors[key] for key in keys_of(sku, category) if key in self.priors)

    def quantiles_at(self, intervals: int) -> Quantiles:
        """Those of so many past intervals."""
        return self.quantiles[bucket_of(intervals)]

    def to_dict(self) -> dict[str, Any]:
        """As JSON; `from_dict` reads it."""
        return {
            "version": self.version,
            "gate": self.gate,
            "priors": {key: asdict(prior) for key, prior in self.priors.items()},
            "quantiles": {str(bucket): asdict(each) for bucket, each in self.quantiles.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Model:
        """KeyError, TypeError or ValueError for what is no model."""
        quantiles = {int(bucket): Quantiles(**each) for bucket, each in document["quantiles"].items()}
        priors = {key: Prior(**prior) for key, prior in document["priors"].items()}
        if set(quantiles) != set(BUCKETS) or EVERYTHING not in priors:
            raise ValueError("a model has a prior for everything and quantiles for every length of history")
        return cls(document["version"], priors, quantiles, document["gate"])


def keys_of(sku: str | None, category: str) -> Iterator[str]:
    """Where a product's prior may stand, the most specific first."""
    if sku is not None:
        yield f"sku:{sku}"
    parts = category.split(".")
    for depth in range(len(parts), 0, -1):
        yield ".".join(parts[:depth])
    yield EVERYTHING


def bucket_of(intervals: int) -> int:
    return max(bucket for bucket in BUCKETS if bucket <= max(intervals, 0))


@cache
def default_model() -> Model:
    """The embedded one."""
    return Model.from_dict(json.loads(Path(__file__).with_name("default.json").read_text()))
