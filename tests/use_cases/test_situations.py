"""What a person tells of their life, on the demo's policy: what it stops, for how long, and who ends it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

import service.embedded.demo
from service.bootstrap import Services
from service.errors import InvalidInputError, NotFoundError
from service.policy import Candidate, Level, Outcome, evaluate
from service.storage.choices import Choices, StoredConsent
from service.storage.subjects import read_events, read_subject
from service.use_cases.change_preferences import change_preferences, show_situations
from service.use_cases.store_signals import NewSignal, SignalResult, store_signals
from tests.use_cases.conftest import NOW, Acting
from tests.use_cases.outbox import add_product, change, make_person

POLICY = Path(service.embedded.demo.__file__).with_name("policy.yaml")
END = NOW + timedelta(days=10)
PURPOSES = ("personal_offers", "replenishment_reminders", "automatic_reorder", "health_personalisation")


@pytest.fixture
def policy_document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(POLICY.read_text())
    return document | {"rollout": []}


@pytest.fixture
def person(services: Services) -> UUID:
    """Lets us do everything, and says how things stand."""
    add_product(services)
    found = make_person(services, level="automate", channels=("email", "app"))

    def agree(choices: Choices) -> None:
        given = StoredConsent("given", NOW, explicit=True, notice_version=2)
        choices.consents = dict.fromkeys(PURPOSES, given)
        choices.sharing |= {"situation": True, "interests": True}

    change(services, found, agree)
    return found


def tell(acting: Acting, person: UUID, name: str, until: datetime = END, **more: Any) -> SignalResult:
    role, at = more.get("role", "customer"), more.get("at", NOW)
    own = person if role == "customer" else None
    signal = NewSignal(
        person, "situation", more.get("said", at), {"name": name, "until": until}, f"{name}-{at}"
    )
    with acting(role, own, at=at) as unit:
        [result] = store_signals(unit, [signal])
    return result


def rung(acting: Acting, person: UUID, programme: str, strategy: Level, at: datetime) -> str | None:
    """The rung that the person gets when `strategy` is asked for."""
    candidate = Candidate(
        id="c",
        programme=programme,
        strategy=strategy,
        category="beauty.hair",
        sku="soap",
        channels=("email", "app"),
        data=(),
        quantity=1,
        price_minor=500,
        currency="SEK",
    )
    with acting("shop", at=at) as unit:
        decision = evaluate(unit.policy, read_subject(unit, person).state(at), candidate, at)
    assert decision.outcome is not Outcome.defer
    return None if decision.strategy is None else decision.strategy.name


def rungs(acting: Acting, person: UUID, at: datetime) -> tuple[str | None, ...]:
    """Of an automatic order, of an offer, and of a tip."""
    asked = (
        ("replenishment", Level.automate),
        ("marketing", Level.curate),
        ("ownership", Level.coach),
    )
    return tuple(rung(acting, person, programme, strategy, at) for programme, strategy in asked)


FREE = ("automate", "curate", "coach")


@pytest.mark.parametrize(
    ("name", "during"),
    [
        ("bereavement", (None, None, None)),
        ("travelling", ("coach", "curate", "coach")),
        ("moved", ("coach", "curate", "coach")),
        ("new_baby", FREE),
    ],
)
def test_before_during_and_after(
    acting: Acting, person: UUID, name: str, during: tuple[str | None, ...]
) -> None:
    assert rungs(acting, person, NOW) == FREE
    assert tell(acting, person, name).status == "stored"
    assert rungs(acting, person, NOW) == during
    assert rungs(acting, person, END - timedelta(seconds=1)) == during
    assert rungs(acting, person, END) == FREE


@pytest.mark.parametrize("name", ["bereavement", "travelling", "moved", "new_baby"])
def test_the_customer_sees_it_and_ends_it_early(acting: Acting, person: UUID, name: str) -> None:
    tell(acting, person, name)
    later = NOW + timedelta(days=1)
    with acting("customer", person, at=later) as unit:
        shown = show_situations(unit, read_subject(unit, person))
        assert shown == {"situations": {name: "2026-12-02T09:00:00Z"}}
        subject, changed = change_preferences(unit, person, {"situations": {name: None}})
        assert changed is not None
        assert show_situations(unit, subject) == {"situations": {}}
        again = change_preferences(unit, person, {"situations": {name: None}})[1]
        assert again is None
        event = read_events(unit, subject)[-1].payload
    assert (event["before"], event["after"]) == (
        {"situations": {name: "2026-12-02T09:00:00Z"}},
        {"situations": {}},
    )
    assert event["actor"]["role"] == "customer"
    assert rungs(acting, person, later) == FREE


def test_it_is_ended_without_sharing_anything(services: Services, acting: Acting, person: UUID) -> None:
    """Whoever no longer tells us anything can still be left out of what they told us before."""
    tell(acting, person, "bereavement")

    def unshare(choices: Choices) -> None:
        choices.sharing["situation"] = False

    change(services, person, unshare)
    assert tell(acting, person, "bereavement", until=NOW).status == "refused"
    with acting("customer", person) as unit:
        change_preferences(unit, person, {"situations": None})
    assert rungs(acting, person, NOW) == FREE


def test_a_signal_that_ends_in_the_past_ends_it_too(acting: Acting, person: UUID) -> None:
    tell(acting, person, "moved")
    later = NOW + timedelta(days=2)
    tell(acting, person, "moved", until=later, at=later)
    assert rungs(acting, person, later) == FREE
    # What was said before that and arrives late does not begin it again.
    tell(acting, person, "moved", at=later + timedelta(days=1), said=NOW + timedelta(days=1))
    assert rungs(acting, person, later + timedelta(days=1)) == FREE


def test_what_was_said_before_an_early_end_does_not_begin_it_again(acting: Acting, person: UUID) -> None:
    tell(acting, person, "travelling")
    later = NOW + timedelta(days=1)
    with acting("customer", person, at=later) as unit:
        change_preferences(unit, person, {"situations": {"travelling": None}})
    late = later + timedelta(hours=1)
    tell(acting, person, "travelling", role="shop", at=late, said=NOW - timedelta(days=1))
    assert rungs(acting, person, late) == FREE
    # The next journey is another one.
    tell(acting, person, "travelling", at=late + timedelta(hours=1))
    assert rungs(acting, person, late + timedelta(hours=1))[0] == "coach"


def test_what_no_policy_names_and_what_is_no_situation(acting: Acting, person: UUID) -> None:
    for name in ("divorce", "open_complaint", ""):
        assert tell(acting, person, name) == SignalResult("refused", "situation_unknown")


def test_a_complaint_is_not_talked_away(acting: Acting, person: UUID) -> None:
    with acting("shop") as unit:
        store_signals(unit, [NewSignal(person, "complaint_opened", NOW, {}, "c-1")])
    during = rungs(acting, person, NOW)
    assert during == (None, None, "coach")
    assert tell(acting, person, "open_complaint", until=NOW).status == "refused"
    with acting("customer", person) as unit, pytest.raises(InvalidInputError) as refused:
        change_preferences(unit, person, {"situations": {"open_complaint": None, "moved": END}})
    assert {fault.pointer for fault in refused.value.faults} == {
        "/situations/open_complaint",
        "/situations/moved",
    }
    with acting("customer", person) as unit:
        change_preferences(unit, person, {"situations": None})
    assert rungs(acting, person, NOW) == during


def test_only_the_customer_and_the_shop(acting: Acting, person: UUID) -> None:
    assert tell(acting, person, "moved", role="shop").status == "stored"
    other = UUID(int=7)
    signal = NewSignal(person, "situation", NOW, {"name": "moved", "until": END}, "1")
    with acting("customer", other) as unit, pytest.raises(NotFoundError):
        store_signals(unit, [signal])


def test_a_baby_makes_no_offer(services: Services, acting: Acting, person: UUID) -> None:
    """What is told of a life is in no purpose that sells: an offer made from it is denied, shared or not."""
    tell(acting, person, "new_baby")
    asked: dict[str, Any] = {
        "category": "baby",
        "sku": "nappies",
        "channels": ("email",),
        "quantity": 1,
        "price_minor": 500,
        "currency": "SEK",
    }
    for programme, strategy in (("marketing", Level.curate), ("replenishment", Level.coach)):
        candidate = Candidate(
            id="c", programme=programme, strategy=strategy, data=("situation",), fallback=False, **asked
        )
        with acting("shop") as unit:
            decision = evaluate(unit.policy, read_subject(unit, person).state(NOW), candidate, NOW)
        assert decision.outcome is Outcome.deny
        assert [reason.code for reason in decision.reasons] == ["data_not_in_purpose"]


def test_without_consent_to_the_data_nothing_is_kept(
    services: Services, acting: Acting, person: UUID
) -> None:
    def unshare(choices: Choices) -> None:
        choices.sharing["situation"] = False

    change(services, person, unshare)
    assert tell(acting, person, "new_baby") == SignalResult("refused", "data_not_shared")
    with acting("customer", person) as unit:
        assert show_situations(unit, read_subject(unit, person)) == {"situations": {}}
