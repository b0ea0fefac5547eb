"""The embedded forecast model, learned from made-up customers: `python -m service.embedded.demo.priors`.

A shop that has just started knows nothing of its own customers yet, and another shop's must not be used.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median_low

from service import forecast
from service.embedded.demo.crowd import crowd
from service.embedded.demo.customer import Happened
from service.embedded.demo.goods import catalogue
from service.forecast import Model, Prior, Quantiles, Series, train
from service.forecast.model import BUCKETS, EVERYTHING

# A seed of its own: nobody in the demo is known beforehand.
_SEED = "samtycke-forecast/1"
_SIZE = 3000
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Before anything is learned: a month, give or take.
_START = Model(
    version="start",
    priors={EVERYTHING: Prior(location=3.4, offset=0.0, between=0.5, within=0.5, weight=4.0, people=0)},
    quantiles=dict.fromkeys(BUCKETS, Quantiles(-1.2815515655446004, 0.0, 1.2815515655446004)),
    gate=0.8,
)


def learn() -> Model:
    """The same every time."""
    return train(_histories(), "demo/1", _START)


def _histories() -> Iterator[Series]:
    goods = catalogue()
    for customer in crowd(_NOW, _SIZE, _SEED):
        days: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for step in customer.steps:
            if isinstance(step.action, Happened) and step.action.type == "purchase":
                data = step.action.data
                days[data["sku"]].setdefault(step.at.toordinal(), data["quantity"])
        for sku, bought in days.items():
            good = goods[sku]
            if not (good.as_needed or good.prescription):
                usual = good.days * median_low(bought.values())
                yield Series(customer.number, sku, good.category, sorted(bought), _NOW.toordinal(), usual)


def main() -> None:
    document = json.dumps(rounded(learn().to_dict()), indent=1, sort_keys=True)
    Path(forecast.__file__).with_name("default.json").write_text(document + "\n")


def rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
