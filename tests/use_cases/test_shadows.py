"""What would have happened, had a pilot been live: kept once, never acted on, closed by what one does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.bootstrap import Services
from service.storage.cases import Case, Shadow, read_cases
from service.storage.pilots import fold_tallies, read_counts
from service.storage.policies import publish_policy
from service.storage.subjects import lock_subject, read_subject, save_choices
from service.use_cases.answer_reorder import approve_reorder
from service.use_cases.propose_reorders import Scanned
from service.use_cases.store_signals import NewSignal, store_signals
from tests.use_cases.conftest import NOW, Acting
from tests.use_cases.test_propose_reorders import (
    AUTOMATIC,
    REGULAR,
    REMINDERS,
    answer,
    automatic,
    buy,
    catalogue,
    choose,
    coached,
    reorders,
    scan,
)

__all__ = ["automatic", "catalogue", "coached"]

SHADOW = [{"programme": "replenishment", "strategy": "automate", "stage": "shadow"}]
OUTSIDE = [{"programme": "replenishment", "strategy": "automate", "stage": "pilot", "percent": 0}]


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["signals"] |= {"stopped_using": {"data": "usage"}, "returned": {"data": "purchases"}}
    policy_document["rollout"] = SHADOW
    return policy_document


def cases(acting: Acting, subject: UUID) -> list[Case]:
    with acting("system") as unit:
        return read_cases(unit, read_subject(unit, subject))


def shadow_of(acting: Acting, subject: UUID) -> Shadow:
    [case] = cases(acting, subject)
    assert isinstance(case.details, Shadow)
    return case.details


def counts(acting: Acting) -> dict[tuple[str, str, str], int]:
    """(strategy, stage, metric) to how many."""
    with acting("system") as unit:
        return {(c.arm.strategy, c.arm.stage, c.metric): c.count for c in read_counts(unit.db, None)}


@pytest.mark.parametrize(("rollout", "stage"), [(SHADOW, "shadow"), (OUTSIDE, "outside")])
def test_what_would_have_been_ordered_is_kept_beside_what_was_proposed(
    acting: Acting,
    services: Services,
    automatic: UUID,
    policy_document: dict[str, Any],
    rollout: Any,
    stage: str,
) -> None:
    with services.database.transaction() as db:
        publish_policy(db, policy_document | {"rollout": rollout}, NOW)
    buy(acting, automatic, "soap", *REGULAR)
    assert scan(acting) == Scanned(looked=1, proposed=1)
    [reorder] = reorders(acting, automatic)
    assert reorder.details is not None
    assert reorder.details.strategy == "coach"
    shadow = shadow_of(acting, automatic)
    assert shadow.arm == ("replenishment", "automate", "*", stage)
    assert (shadow.sku, shadow.granted, shadow.decision) == ("soap", "coach", reorder.details.decision)
    assert counts(acting) == {
        ("automate", stage, "people"): 1,
        ("automate", stage, "shadow"): 1,
        ("coach", "live", "people"): 1,
        ("coach", "live", "proposed"): 1,
    }


def test_nothing_is_sent_and_no_contact_counted(
    acting: Acting, services: Services, coached: UUID, policy_document: dict[str, Any]
) -> None:
    rollout = [{"strategy": "coach", "category": "beauty", "stage": "shadow"}]
    with services.database.transaction() as db:
        publish_policy(db, policy_document | {"rollout": rollout}, NOW)
    buy(acting, coached, "soap", *REGULAR)
    assert scan(acting) == Scanned(looked=1, refused=1)
    assert reorders(acting, coached) == []
    with acting("system") as unit:
        assert unit.db.execute("select count(*) from outbox").fetchone() == (0,)
        assert read_subject(unit, coached).activity.contacts == []
    assert shadow_of(acting, coached).arm == ("replenishment", "coach", "beauty", "shadow")


def test_one_run_out_is_one_shadow(acting: Acting, automatic: UUID) -> None:
    buy(acting, automatic, "soap", *REGULAR)
    for _ in range(3):
        with acting("system") as unit:
            unit.db.execute("update subjects set forecast_due = %s", (NOW,))
        scan(acting)
    assert len(cases(acting, automatic)) == 1
    assert counts(acting)["automate", "shadow", "shadow"] == 1


@pytest.mark.parametrize("held_back", ["level", "consent", "mandate"])
def test_what_the_person_did_not_choose_is_no_shadow(acting: Acting, automatic: UUID, held_back: str) -> None:
    """The pilot must be all that stands in the way."""
    if held_back == "level":
        choose(acting, automatic, levels={"*": "coach"})
    elif held_back == "consent":
        answer(acting, automatic, AUTOMATIC, "withdrawn")
    else:
        choose(acting, automatic, levels={"*": "automate"})
        with acting("customer", automatic) as unit:
            found = lock_subject(unit, automatic)
            found.choices.mandates = []
            save_choices(unit, found)
    buy(acting, automatic, "soap", *REGULAR)
    assert scan(acting).proposed == 1
    assert cases(acting, automatic) == []


@pytest.mark.parametrize(("after", "outcome"), [(-1, "bought_before"), (3, "bought_after")])
def test_a_purchase_closes_it(acting: Acting, automatic: UUID, after: int, outcome: str) -> None:
    # Runs out in some five days.
    buy(acting, automatic, "soap", *(days - 5 for days in REGULAR))
    scan(acting)
    median = shadow_of(acting, automatic).median
    # Signals of the future are refused, so the purchase is told of when it has happened.
    at = median + timedelta(days=after)
    with acting("shop", at=at) as unit:
        data = {"sku": "soap", "quantity": 1, "price_minor": 500, "currency": "SEK"}
        assert store_signals(unit, [NewSignal(automatic, "purchase", at, data, "own")])[0].status == "stored"
    scan(acting, at=at)
    [case] = [c for c in cases(acting, automatic) if c.state == "closed"]
    assert isinstance(case.details, Shadow)
    assert (case.details.outcome, case.details.days) == (outcome, after)
    assert counts(acting)["automate", "shadow", outcome] == 1


def test_nothing_bought_is_known_when_the_time_has_passed(acting: Acting, automatic: UUID) -> None:
    buy(acting, automatic, "soap", *REGULAR)
    scan(acting)
    late = shadow_of(acting, automatic).latest + timedelta(days=15)
    assert scan(acting, at=late).looked == 1
    assert shadow_of(acting, automatic).outcome == "never"


def test_what_a_lower_rung_sold_was_not_bought_by_themselves(acting: Acting, automatic: UUID) -> None:
    buy(acting, automatic, "soap", *REGULAR)
    scan(acting)
    [reorder] = reorders(acting, automatic)
    with acting("customer", automatic) as unit:
        approve_reorder(unit, reorder.id)
    late = shadow_of(acting, automatic).latest + timedelta(days=15)
    scan(acting, at=late)
    assert shadow_of(acting, automatic).outcome == "ordered"
    assert counts(acting)["coach", "live", "taken"] == 1


def test_without_a_purpose_its_end_stays_unknown(
    acting: Acting, automatic: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(acting, automatic, "soap", *REGULAR)
    scan(acting)
    for purpose in (REMINDERS, AUTOMATIC):
        answer(acting, automatic, purpose, "withdrawn")
    late = shadow_of(acting, automatic).latest + timedelta(days=15)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a signal was read")

    monkeypatch.setattr("service.use_cases.permitted_signals.read_signals_of", forbidden)
    scan(acting, at=late)
    assert shadow_of(acting, automatic).outcome == "unknown"


def test_counts_stay_the_same_when_they_are_folded(acting: Acting, automatic: UUID) -> None:
    buy(acting, automatic, "soap", *REGULAR)
    scan(acting)
    before = counts(acting)
    for _ in range(2):
        with acting("system") as unit:
            fold_tallies(unit.db)
    assert counts(acting) == before
    with acting("system") as unit:
        assert unit.db.execute("select count(*) from pilot_tallies").fetchone() == (0,)
