"""Learn the forecast model from the shop's customers who share purchases for replenishment.

Each person's signals are read under a purpose in force, as for a forecast of their own (P11). What leaves
this function is a model, in which no category speaks for fewer than LEAST_PEOPLE of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from service.actor import system_actor
from service.bootstrap import Services
from service.errors import UnreadableError
from service.forecast import Model, Series, train
from service.forecast.evidence import purchase_days
from service.forecast.training import LEAST_PEOPLE
from service.storage.forecast_models import draw_subjects, insert_model, newest_model
from service.storage.products import Product, read_products
from service.storage.subjects import Subject, read_subjects
from service.storage.unit import Unit
from service.use_cases.foresee_run_outs import History, goods_of, read_histories, readable, replenishment

# A sample tells the same as everybody; the next training draws another one.
MOST_PEOPLE = 20_000
_BATCH = 50
_ACTOR = system_actor("train-forecast")


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it: the version now in use, and how much it was learned from."""

    version: str
    people: int
    intervals: int


def train_forecast(services: Services, *, seconds: float = 180.0, most: int = MOST_PEOPLE) -> Trained | None:
    """Learn a new version and put it in use. It reads for at most `seconds` and learns from what it has.

    None, and no new version, where fewer than LEAST_PEOPLE share what there is to learn from.
    """
    until = time.monotonic() + seconds
    with services.unit(_ACTOR) as unit:
        people = draw_subjects(unit.db, int(unit.now.timestamp()), most)
        start = newest_model(unit.db)
    histories: list[Series] = []
    for first in range(0, len(people), _BATCH):
        if time.monotonic() > until:
            break
        with services.unit(_ACTOR) as unit:
            histories += _read(unit, people[first : first + _BATCH], first)
    return _store(services, histories, start)


def _store(services: Services, histories: Sequence[Series], start: Model) -> Trained | None:
    learned_from = [series for series in histories if len(series.days) > 1]
    people = len({series.person for series in learned_from})
    if people < LEAST_PEOPLE:
        return None
    intervals = sum(len(series.days) - 1 for series in learned_from)
    model = train(histories, "trained", start)
    with services.unit(_ACTOR) as unit:
        version = insert_model(unit, model, people, intervals)
    return Trained(version, people, intervals)


def _read(unit: Unit, people: Sequence[UUID], first: int) -> Iterator[Series]:
    """Their series, under numbers that mean nothing elsewhere. Who cannot be read is left out."""
    for number, subject_id in enumerate(people, first):
        try:
            subject = read_subjects(unit.db, unit.keyring, [subject_id])[subject_id]
            found = _histories(unit, subject)
        except (KeyError, UnreadableError):
            continue
        products = read_products(unit.db, found)
        yield from _series(unit, number, found, products)


def _histories(unit: Unit, subject: Subject) -> dict[str, History]:
    programme = replenishment(unit.policy)
    if subject.key is None or programme is None:
        return {}
    state = subject.state(unit.now)
    sources = readable(unit, state, programme, types=("purchase", "returned", "stopped_using"))
    return read_histories(unit, subject, state, sources) if sources else {}


def _series(
    unit: Unit, number: int, found: Mapping[str, History], products: Mapping[str, Product]
) -> Iterator[Series]:
    for sku, product in products.items():
        history = found[sku]
        # What is taken as needed has no rhythm, and prescriptions are not foreseen.
        if product.as_needed or product.prescription or not history.purchases:
            continue
        days = [at.toordinal() for at in purchase_days(history.purchases)]
        # Whoever has stopped was watched no longer than that.
        until = days[-1] if history.stopped else unit.now.toordinal()
        usual = goods_of(product).usual_days(history.purchases[-1])
        yield Series(number, sku, product.category, days, until, usual)
