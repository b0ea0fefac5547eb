"""A preview foretells what a change does, and does nothing itself."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.errors import ConflictError, InvalidInputError, NotFoundError, SamtyckeError
from service.explanations.mandates import order_button
from service.policy import Level, evaluate
from service.storage.choices import Choices
from service.storage.products import Product
from service.storage.subjects import create_subject, read_subject
from service.use_cases import level_grid
from service.use_cases.change_preferences import change_preferences
from service.use_cases.level_changes import show_foreseen
from service.use_cases.level_grid import Place, Standing
from service.use_cases.mandate_terms import Limits
from service.use_cases.preview import Changes, preview
from service.use_cases.put_mandate import PutMandate, end_mandate, put_mandate
from service.use_cases.put_product import put_product
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from tests.use_cases.conftest import NOW, Acting

Grid = dict[tuple[str, str, str | None], tuple[Standing, Standing]]
EVERYTHING = Limits(covers="*", currency="SEK", max_price_minor=50_000)


def foretell(acting: Acting, subject: UUID, changes: Changes) -> Grid:
    with acting("customer", subject) as unit:
        _, found = preview(unit, subject, changes)
    return {_key(each.place): (each.before, each.after) for each in found}


def _key(place: Place) -> tuple[str, str, str | None]:
    return place.programme, place.category, None if place.product is None else place.product.sku


def make(acting: Acting, subject: UUID, changes: Changes) -> None:
    """The same changes, by the use cases that make them."""
    with acting("customer", subject) as unit:
        for command in changes.consents:
            record_consent(unit, subject, command)
        change_preferences(unit, subject, changes.preferences)
        for mandate, limits in changes.mandates.items():
            if limits is None:
                end_mandate(unit, subject, mandate)
            else:
                command = PutMandate(**asdict(limits), text=order_button("en"), locale="en")
                put_mandate(unit, subject, mandate, command)


def answer(status: str, about: str, explicit: bool = True) -> RecordConsent:
    notice = None if status == "withdrawn" else Notice(2, "fi")
    if about in ("email", "sms"):
        return RecordConsent(status, notice, "app", channel=about)
    return RecordConsent(status, notice, "app", purpose=about, explicit=explicit)


ALL_YES = Changes(
    consents=[
        answer("given", name)
        for name in (
            *("personal_offers", "replenishment_reminders", "automatic_reorder"),
            *("health_personalisation", "email"),
        )
    ],
    preferences={"levels": {"*": "automate"}, "sharing": {"purchases": True, "usage": True}},
    mandates={"man_all": EVERYTHING},
)


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    for entry in policy_document["rollout"]:
        entry["stage"] = "live"
    # So that every version of a notice that the tests name exists.
    for purpose in policy_document["purposes"].values():
        purpose.pop("notice", None)
    return policy_document


@pytest.fixture(autouse=True)
def _catalogue(acting: Acting) -> None:
    with acting("shop") as unit:
        for sku, category, price in (("cough", "health.otc.cough", 7900), ("shampoo", "beauty", 60_000)):
            put_product(unit, Product(
                sku=sku, name=sku.title(), category=category, pack_size=10, usual_per_day=None,
                price_minor=price, currency="SEK", stock=None, prescription=False, as_needed=False,
                limit_per_order=None, limit_per_month=None,
            ))  # fmt: skip


def test_everything_at_once_opens_the_ladder(acting: Acting, aino: UUID) -> None:
    grid = foretell(acting, aino, ALL_YES)
    before, after = grid["replenishment", "health.otc.cough", None]
    assert (before.level, after.level) == (Level.respond, Level.automate)
    assert before.data == ("identity", "purchases", "service")
    assert after.data == ("identity", "purchases", "usage")
    assert after.may_charge == {
        "mandate": "man_all",
        "max_price_minor": 50_000,
        "max_spend_minor": None,
        "spend_days": None,
        "currency": "SEK",
    }
    assert (before.may_charge, after.reasons) == (None, ())
    # What the policy itself limits stays limited, and says so.
    _, skin = grid["replenishment", "beauty.skin", None]
    assert skin.level is Level.coach
    assert ("category_limit", "beauty.skin") in {(r.code, r.on) for r in skin.reasons}


def test_every_programme_meets_every_category(acting: Acting, aino: UUID) -> None:
    grid = foretell(acting, aino, Changes())
    with acting("customer", aino) as unit:
        programmes, categories = set(unit.policy.programmes), set(unit.policy.categories) - {"*"}
    assert set(grid) == {(p, c, None) for p in programmes for c in categories}
    assert all(before == after for before, after in grid.values())


def test_a_product_with_a_mandate_of_its_own_is_told_by_its_price(acting: Acting, aino: UUID) -> None:
    make(acting, aino, ALL_YES)
    own = Limits(covers="sku:cough", currency="SEK", max_price_minor=7899)
    before, after = foretell(acting, aino, Changes(mandates={"man_cough": own}))[
        "replenishment", "health.otc.cough", "cough"
    ]
    assert (before.level, after.level) == (Level.automate, Level.coach)
    assert [reason.code for reason in after.reasons] == ["mandate_price"]
    dear = Limits(covers="sku:shampoo", currency="SEK", max_price_minor=60_000)
    before, after = foretell(acting, aino, Changes(mandates={"man_dear": dear}))[
        "replenishment", "beauty", "shampoo"
    ]
    assert (before.level, after.level) == (Level.coach, Level.automate)


def test_ending_a_mandate_and_waits(acting: Acting, aino: UUID) -> None:
    make(acting, aino, ALL_YES)
    # Quiet hours say when, not how far.
    make(acting, aino, Changes(preferences={"quiet": {"start": "00:00", "end": "23:00"}}))
    grid = foretell(acting, aino, Changes(mandates={"man_all": None}))
    before, after = grid["replenishment", "beauty", None]
    assert (before.level, before.reasons) == (Level.automate, ())
    assert (after.level, [reason.code for reason in after.reasons]) == (Level.coach, ["mandate_expired"])


_MANDATES = (("man_a", "*"), ("man_b", "health.otc"), ("man_c", "sku:cough"), ("man_d", "beauty"))


def _random_changes(rng: random.Random) -> Changes:
    purposes = ("personal_offers", "replenishment_reminders", "automatic_reorder", "health_personalisation")
    consents = [
        answer(rng.choice(("given", "given", "withdrawn", "refused")), name, rng.random() < 0.8)
        for name in (*purposes, "email", "sms")
        if rng.random() < 0.5
    ]
    levels = {
        key: rng.choice([None, *(level.name for level in Level)])
        for key in ("*", "health", "health.otc.cough", "beauty", "alcohol")
        if rng.random() < 0.4
    }
    preferences: dict[str, Any] = {"levels": levels} if levels else {}
    if rng.random() < 0.5:
        preferences["sharing"] = {name: rng.random() < 0.7 for name in ("purchases", "usage", "interests")}
    if rng.random() < 0.3:
        preferences["paused_until"] = rng.choice((None, NOW + timedelta(days=3)))
    if rng.random() < 0.3:
        preferences["channels"] = {"app": rng.random() < 0.5}
    if rng.random() < 0.3:
        preferences["max_per_week"] = rng.choice((None, 0, 2))
    mandates: dict[str, Limits | None] = {}
    for name, covers in _MANDATES:
        if rng.random() < 0.3:
            ended = rng.random() < 0.1
            currency, price = rng.choice(("SEK", "EUR")), rng.choice((0, 9000))
            limits = Limits(covers=covers, currency=currency, max_price_minor=price)
            mandates[name] = None if ended else limits
    return Changes(consents, preferences, mandates)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_foretold_is_what_happens(acting: Acting, seed: int) -> None:
    """Step by step, from one state of choices to the next: also what is refused is refused in both ways."""
    rng, person, made = random.Random(seed), uuid4(), 0
    birth = NOW.replace(year=rng.choice((1980, 2010))).date()
    with acting("shop") as unit:
        create_subject(unit, person, Choices(timezone="Europe/Stockholm", birth_date=birth))
    if rng.random() < 0.7:
        make(acting, person, ALL_YES)
    for _ in range(5):
        changes = _random_changes(rng)
        try:
            foretold = foretell(acting, person, changes)
        except SamtyckeError as error:
            with pytest.raises(type(error)):
                make(acting, person, changes)
            continue
        make(acting, person, changes)
        made += 1
        found = foretell(acting, person, Changes())
        assert {key: before for key, (before, _) in found.items()} == {
            key: after for key, (_, after) in foretold.items() if key in found
        }
        assert found.keys() <= foretold.keys()
    assert made


def test_a_level_is_what_the_evaluator_answers_for_that_rung(acting: Acting, aino: UUID) -> None:
    """Against the core itself, rung by rung: the highest that it allows alone."""
    make(acting, aino, ALL_YES)
    make(acting, aino, Changes(preferences={"levels": {"beauty": "curate", "health": "coach"}}))
    grid = foretell(acting, aino, Changes())
    with acting("customer", aino) as unit:
        state = read_subject(unit, aino).state(NOW)
        for (programme, category, sku), (standing, _) in grid.items():
            place = Place(programme, category)
            asked = level_grid._candidate(unit.policy, state, place)
            open_ = [Level.off]
            for level in unit.policy.programmes[programme].ladder:
                alone = type(asked)(
                    **{
                        **{name: getattr(asked, name) for name in type(asked).__slots__},
                        "strategy": level,
                        "fallback": False,
                    }
                )
                if evaluate(unit.policy, state, alone, NOW).strategy is not None:
                    open_.append(level)
            assert standing.level == max(open_), (programme, category, sku)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (Changes(consents=[answer("given", "nothing")]), InvalidInputError),
        (Changes(consents=[answer("given", "order_fulfilment")]), InvalidInputError),
        (Changes(mandates={"man_all": replace(EVERYTHING, covers="beauty")}), ConflictError),
        (Changes(preferences={"levels": {"weapons": "coach"}}), InvalidInputError),
        (Changes(preferences={"channels": {"sms": True}}), InvalidInputError),
        (Changes(mandates={"man_x": replace(EVERYTHING, covers="sku:no")}), InvalidInputError),
        (Changes(mandates={"man_x": None}), NotFoundError),
        (Changes(mandates={"man_x": EVERYTHING, "nothing": EVERYTHING}), NotFoundError),
    ],
)  # fmt: skip
def test_what_could_not_be_made_is_not_foretold(
    acting: Acting, aino: UUID, changes: Changes, kind: type[Exception]
) -> None:
    make(acting, aino, ALL_YES)
    with pytest.raises(kind):
        foretell(acting, aino, changes)
    with pytest.raises(kind):
        make(acting, aino, changes)


def test_it_reads_the_person_once_and_evaluates_each_place_twice_at_most(
    acting: Acting, aino: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    evaluated = level_grid.evaluate_state

    def count(in_force: Any, state: Any, candidates: Any, now: Any) -> Any:
        asked.append(len(candidates))
        return evaluated(in_force, state, candidates, now)

    monkeypatch.setattr(level_grid, "evaluate_state", count)
    grid = foretell(acting, aino, ALL_YES)
    assert len(asked) == 4
    assert sum(asked) <= 4 * len(grid)


def test_it_is_told_in_the_readers_language(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        _, found = preview(unit, aino, ALL_YES)
        [row] = [
            show_foreseen(unit, each, "sv")
            for each in found
            if _key(each.place) == ("replenishment", "beauty.skin", None)
        ]
    assert (row["before"], row["after"]) == ("respond", "coach")
    assert {"strategy": "automate", "code": "category_limit", "on": "beauty.skin"} in row["limited_by"]
    assert any("går vi aldrig så långt" in told for told in row["explanation"]), row["explanation"]
