"""The model is learned from those who share, says nothing of a few, and every forecast names its version."""

from __future__ import annotations

import json
from datetime import timedelta
from math import exp
from uuid import UUID

import pytest

from service.bootstrap import Services
from service.forecast import default_model
from service.forecast.training import LEAST_PEOPLE
from service.storage.forecast_models import newest_model, read_trainings
from service.storage.products import Product, put_product
from service.storage.reorders import read_reorders
from service.storage.subjects import read_subject
from service.use_cases.list_reorders import list_reorders
from service.use_cases.propose_reorders import propose_reorders
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.train_forecast import train_forecast
from tests.use_cases.conftest import NOW, Acting
from tests.use_cases.test_propose_reorders import (
    REMINDERS,
    answer,
    buy,
    catalogue,
    choose,
    coached,
    policy_document,
    tell,
)

# Used as fixtures.
__all__ = ["catalogue", "coached", "policy_document"]

EVERY = 12.0


def sharing(acting: Acting, number: int) -> UUID:
    """A customer who shares purchases and usage and wants to be reminded."""
    with acting("shop") as unit:
        person = register_subject(
            unit,
            RegisterSubject(
                identifiers=[Identifier("customer_number", f"C-{number}")],
                locale="sv",
                country="SE",
                timezone="Europe/Stockholm",
            ),
        ).id
    choose(acting, person, sharing={"purchases": True, "usage": True}, levels={"*": "coach"})
    answer(acting, person, REMINDERS)
    return person


@pytest.fixture
def customers(acting: Acting) -> list[UUID]:
    """Enough to learn from; each buys soap every twelve days, and each has a past of a different length."""
    found = [sharing(acting, number) for number in range(LEAST_PEOPLE)]
    for number, person in enumerate(found):
        buy(acting, person, "soap", *(1 + EVERY * times for times in range(3 + number % 3)))
    return found


def test_what_the_customers_do_becomes_the_prior(
    services: Services, acting: Acting, customers: list[UUID]
) -> None:
    trained = train_forecast(services)
    assert trained is not None
    assert (trained.version, trained.people) == ("shop/1", LEAST_PEOPLE)
    with acting("system") as unit:
        model = newest_model(unit.db)
    assert model.version == "shop/1"
    prior = model.prior("soap", "beauty")
    # Drawn a third of the way from the embedded month to their twelve days.
    assert 12 < exp(prior.location) < exp(default_model().prior(None, "beauty").location)
    assert prior.people == LEAST_PEOPLE


def test_one_fewer_and_nothing_is_learned(services: Services, acting: Acting, customers: list[UUID]) -> None:
    answer(acting, customers[0], REMINDERS, "withdrawn")
    assert train_forecast(services) is None
    with acting("system") as unit:
        assert newest_model(unit.db) == default_model()
        assert read_trainings(unit.db, 5) == []


def test_who_no_longer_shares_is_not_read(services: Services, acting: Acting, customers: list[UUID]) -> None:
    extra = sharing(acting, 99)
    buy(acting, extra, "soap", 1, 40, 80)
    choose(acting, customers[3], sharing={"purchases": False})
    trained = train_forecast(services)
    assert trained is not None
    assert trained.people == LEAST_PEOPLE
    assert trained.intervals == sum(2 + n % 3 for n in range(LEAST_PEOPLE) if n != 3) + 2


def test_as_needed_and_prescribed_goods_teach_nothing(
    services: Services, acting: Acting, customers: list[UUID]
) -> None:
    with acting("shop") as unit:
        for sku, as_needed, prescription in (("balm", True, False), ("salve", False, True)):
            put_product(unit.db, _product(sku, as_needed=as_needed, prescription=prescription), NOW)
    for person in customers:
        for sku in ("balm", "salve"):
            buy(acting, person, sku, 5, 50, 70)
    trained = train_forecast(services)
    assert trained is not None
    assert trained.intervals == sum(2 + n % 3 for n in range(LEAST_PEOPLE))
    with acting("system") as unit:
        assert set(newest_model(unit.db).priors) == {"*", "beauty", "sku:soap"}


def _product(sku: str, *, as_needed: bool, prescription: bool) -> Product:
    return Product(
        sku=sku,
        name=sku.title(),
        category="beauty",
        pack_size=30,
        usual_per_day=1.0,
        price_minor=500,
        currency="SEK",
        stock=None,
        prescription=prescription,
        as_needed=as_needed,
        limit_per_order=None,
        limit_per_month=None,
    )


def test_a_model_names_nobody(services: Services, acting: Acting, customers: list[UUID]) -> None:
    train_forecast(services)
    with acting("system") as unit:
        text = json.dumps(newest_model(unit.db).to_dict())
    assert not any(str(person) in text or person.hex in text for person in customers)
    assert set(json.loads(text)["priors"]) == {"*", "beauty", "sku:soap"}


def test_the_newest_version_is_used_and_recorded(
    services: Services, acting: Acting, customers: list[UUID]
) -> None:
    train_forecast(services)
    train_forecast(services)
    with acting("system") as unit:
        assert [training.version for training in read_trainings(unit.db, 5)] == ["shop/2", "shop/1"]
    at = NOW + timedelta(days=9)
    with acting("system", at=at) as unit:
        assert propose_reorders(unit, 100).proposed == LEAST_PEOPLE
    with acting("system", at=at) as unit:
        subject = read_subject(unit, customers[0])
        (reorder,) = read_reorders(unit, subject)
        assert reorder.details is not None
        kept = reorder.details.run_out
        (shown,) = list_reorders(unit, subject)
    assert (kept.model, kept.data, kept.signals) == ("shop/2", ("purchases",), 3)
    assert kept.sources == ("purchases",)
    run_out = shown["run_out"]
    assert (run_out["model"], run_out["data"], run_out["signals"]) == ("shop/2", ["purchases"], 3)
    assert "omkring" in run_out["words"]
    assert run_out["sure"] in ("sure", "fair", "guess")


def test_a_forecast_that_read_usage_says_so(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", 31, 61)
    count = {"sku": "soap", "units_left": 3, "units_per_day": 1}
    tell(acting, coached, ("usage", NOW - timedelta(days=1), count))
    with acting("system") as unit:
        propose_reorders(unit, 10)
    with acting("system") as unit:
        (reorder,) = read_reorders(unit, read_subject(unit, coached))
    assert reorder.details is not None
    run_out = reorder.details.run_out
    assert (set(run_out.data), run_out.signals) == ({"purchases", "usage"}, 3)
    assert "count" in run_out.sources
    assert run_out.model == default_model().version
