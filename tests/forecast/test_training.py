"""What is learned: recovered from made-up people whose numbers are known, and never from a few of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from math import exp, log
from pathlib import Path
from statistics import fmean

import pytest

from service import forecast
from service.embedded.demo.priors import learn, rounded
from service.forecast import Model, Series, default_model, train
from service.forecast.intervals import predict
from service.forecast.model import BUCKETS, bucket_of
from service.forecast.training import LEAST_PEOPLE
from tests.forecast.test_run_out import MODEL

UNTIL = 1000


def people(
    count: int,
    *,
    median: float = 20,
    between: float = 0.3,
    within: float = 0.4,
    category: str = "a.b",
    seed: int = 1,
    usual: float | None = None,
    stops: float = 0.0,
) -> Iterator[Series]:
    rng = random.Random(seed)
    for person in range(count):
        own = log(median) + rng.gauss(0, between)
        day, days = rng.randrange(400, 460), list[int]()
        while day < UNTIL:
            days.append(day)
            if rng.random() < stops:
                break
            day += max(1, round(exp(rng.gauss(own, within))))
        yield Series((category, person), f"sku-{category}", category, days, UNTIL, usual)


def test_it_recovers_how_people_are() -> None:
    prior = train(people(600), "1", MODEL).prior("sku-a.b", "a.b")
    assert exp(prior.location) == pytest.approx(20, rel=0.07)
    assert prior.between == pytest.approx(0.3, abs=0.05)
    assert prior.within == pytest.approx(0.4, abs=0.03)
    # All alike in spread: a strong belief.
    assert prior.weight > 10


def test_people_who_differ_in_spread_leave_a_weak_belief_in_it() -> None:
    mixed = [*people(300, within=0.1), *people(300, within=0.9, seed=2)]
    mixed = [replace(series, person=number) for number, series in enumerate(mixed)]
    assert train(mixed, "1", MODEL).prior("sku-a.b", "a.b").weight < 4


def test_the_offset_is_learned_where_the_catalogue_says_how_long_it_lasts() -> None:
    prior = train(people(300, usual=40.0), "1", MODEL).prior("sku-a.b", "a.b")
    assert prior.offset == pytest.approx(log(0.5), abs=0.1)
    assert predict([], prior, 40.0).median == pytest.approx(20, rel=0.1)


def test_a_tenth_comes_before_the_safe_date_of_people_never_seen() -> None:
    model = train(people(600, stops=0.03), "1", MODEL)
    early: dict[int, list[bool]] = {}
    for series in people(600, stops=0.03, seed=99):
        prior = model.prior(series.sku, series.category)
        for past, came in enumerate(series.logs):
            safe = predict(series.logs[:past], prior, None).at(model.quantiles_at(past).z10)
            early.setdefault(bucket_of(past), []).append(exp(came) < safe)
    assert set(early) == set(BUCKETS)
    for bucket, each in early.items():
        assert 0.06 < fmean(each) < 0.13, bucket


def test_too_few_people_speak_through_their_parent() -> None:
    many, few = list(people(100, category="a.b")), list(people(LEAST_PEOPLE - 1, median=3, category="a.c"))
    model = train([*many, *few], "1", MODEL)
    assert set(model.priors) == {"*", "a", "a.b", "sku:sku-a.b"}
    assert model.prior("sku-a.c", "a.c") == model.priors["a"]
    enough = train([*many, *people(LEAST_PEOPLE, median=3, category="a.c")], "1", MODEL)
    assert "a.c" in enough.priors


def test_one_person_with_many_products_is_one_person() -> None:
    alone = [replace(series, person="one") for series in people(100)]
    assert train(alone, "2", MODEL) == replace(MODEL, version="2")


def test_a_small_category_is_drawn_to_its_parent() -> None:
    model = train([*people(400, category="a.b"), *people(25, median=5, category="a.c")], "1", MODEL)
    learned = exp(model.priors["a.c"].location)
    assert 5.5 < learned < 15


def test_whoever_never_comes_back_is_counted_as_not_having_come_yet() -> None:
    faithful = train(people(500), "1", MODEL).quantiles[2]
    leaving = train(people(500, stops=0.3), "1", MODEL).quantiles[2]
    assert leaving.z50 > faithful.z50 + 0.2


def test_nothing_to_learn_from_leaves_the_model_as_it_was() -> None:
    assert train([], "2", MODEL) == replace(MODEL, version="2")
    assert train([Series(1, "s", "c", [5], 9)], "2", MODEL) == replace(MODEL, version="2")


def test_a_model_survives_being_stored() -> None:
    model = train(people(100), "1", MODEL)
    assert Model.from_dict(json.loads(json.dumps(model.to_dict()))) == model


@pytest.mark.parametrize("missing", ["priors", "quantiles", "gate"])
def test_half_a_model_is_refused(missing: str) -> None:
    document = MODEL.to_dict()
    document[missing] = {} if missing != "gate" else None
    if missing == "gate":
        del document["gate"]
    with pytest.raises((KeyError, ValueError)):
        Model.from_dict(document)


def test_the_embedded_model_is_what_the_demo_teaches() -> None:
    """From our own made-up customers and nobody else: anyone can make it again."""
    stored = json.loads(Path(forecast.__file__).with_name("default.json").read_text())
    assert stored == rounded(learn().to_dict())
    assert default_model().version == "demo/1"
