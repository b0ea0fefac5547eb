"""Detectors run on what a person lets them read, propose and never act, and are measured by what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.bootstrap import Services
from service.ids import CASE, show
from service.reports import holdings
from service.reports.subject_report import subject_report
from service.storage.cases import Case, Event, read_cases
from service.storage.decisions import read_decision_id, read_decisions
from service.storage.offers import Offer, put_offer
from service.storage.pilots import fold_tallies, read_counts
from service.storage.policies import publish_policy
from service.storage.subjects import read_subject
from service.use_cases import permitted_signals
from service.use_cases.advance_request import fulfil_request
from service.use_cases.file_request import file_request
from service.use_cases.measure_detectors import measure_detectors
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.permit_offers import AskOffers, PermittedOffers, permit_offers
from service.use_cases.purge_by_age import purge_by_age
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.special import SCOPE
from service.use_cases.store_signals import NewSignal, store_signals
from tests.use_cases.conftest import NOW, Acting
from tests.use_cases.permits import MARKETING
from tests.use_cases.test_propose_reorders import answer, buy, catalogue, choose, due, scan

__all__ = ["catalogue"]

OFFERS = "personal_offers"
# Thirty days apart, the last one a hundred days ago.
LAPSED = (160, 130, 100)
DETECTORS: dict[str, Any] = {
    "lapsed": {
        "rule": "lapsed",
        "purpose": OFFERS,
        "data": ["purchases"],
        "times": 2,
        "stage": "live",
        "cooldown": "P30D",
        "proposes": {"programme": "marketing", "strategy": "curate"},
        "measure": {"signals": ["purchase"], "within_days": 20},
    },
    "unhappy": {
        "rule": "dissatisfied",
        "purpose": "customer_care",
        "data": ["service"],
        "signals": ["complaint_opened"],
        "within_days": 30,
        "stage": "live",
        "proposes": {"programme": "care", "strategy": "curate", "sku": "soap"},
        "measure": {"signals": ["complaint_closed"], "within_days": 14},
    },
}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["signals"] |= {"returned": {"data": "purchases"}}
    policy_document["purposes"]["customer_care"] = {"basis": "contract", "data": ["service"]}
    policy_document["programmes"]["care"] = {"ladder": {"curate": ["customer_care"]}}
    policy_document["suppressions"]["open_complaint"]["programmes"] = ["marketing", "replenishment"]
    policy_document["rollout"] = []
    policy_document["detectors"] = DETECTORS
    return policy_document


@pytest.fixture
def open_to_offers(acting: Acting, aino: UUID) -> UUID:
    choose(acting, aino, sharing={"purchases": True}, levels={"*": "curate"})
    answer(acting, aino, OFFERS)
    return aino


def cases(acting: Acting, subject: UUID) -> list[Case]:
    with acting("system") as unit:
        return read_cases(unit, read_subject(unit, subject))


def event_of(acting: Acting, subject: UUID) -> Event:
    [case] = cases(acting, subject)
    assert isinstance(case.details, Event)
    return case.details


def metrics(acting: Acting, detector: str) -> dict[str, int]:
    with acting("system") as unit:
        return {c.metric: c.count for c in read_counts(unit.db, None) if c.detector == detector}


def ask(
    services: Services, subject: UUID, event: str = "lapsed", programme: str = "marketing", at: datetime = NOW
) -> PermittedOffers:
    asked = AskOffers(subject, programme, ("app",), event=event)
    return permit_offers(replace(services, clock=lambda: at), MARKETING, asked)


def welcome_back(services: Services) -> None:
    with services.database.transaction() as db:
        offer = Offer(
            id="welcome-back",
            programme="marketing",
            strategy="curate",
            category="beauty",
            sku="soap",
            data=[],
            value=5,
            valid_until=None,
            texts={},
            sponsored=False,
        )
        put_offer(db, offer, NOW)


def publish(services: Services, document: dict[str, Any], **changes: Any) -> None:
    """The policy with changes to the detector `lapsed`."""
    detectors = DETECTORS | {"lapsed": DETECTORS["lapsed"] | changes}
    with services.database.transaction() as db:
        publish_policy(db, document | {"detectors": detectors}, NOW)


def bought_at(acting: Acting, subject: UUID, at: datetime, sku: str = "soap") -> None:
    data = {"sku": sku, "quantity": 1, "price_minor": 500, "currency": "SEK"}
    with acting("shop", at=at) as unit:
        new = NewSignal(subject, "purchase", at, data, f"p-{at}")
        assert store_signals(unit, [new])[0].status == "stored"


def test_an_event_says_what_was_read_and_what_was_decided(
    acting: Acting, services: Services, open_to_offers: UUID
) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    event = event_of(acting, open_to_offers)
    assert (event.detector, event.arm.stage, event.sku) == ("lapsed", "live", "soap")
    assert (event.purpose, event.data) == (OFFERS, ["purchases"])
    assert [(part.what, part.days, part.usual_days) for part in event.parts] == [("no_purchase", 100, 30)]
    assert event.decision is not None
    row, index = read_decision_id(event.decision)
    with services.database.connection() as db:
        record = read_decisions(db, services.keyring, row).record
    assert (record.candidates[index].programme, record.candidates[index].data) == (
        "marketing",
        ("purchases",),
    )
    # It proposes and never acts: nothing is queued.
    with acting("system") as unit:
        assert unit.db.execute("select count(*) from outbox").fetchone() == (0,)
        assert unit.db.execute("select count(*) from reorders").fetchone() == (0,)


def test_its_candidate_is_had_by_whoever_may_ask_for_offers(
    acting: Acting, services: Services, open_to_offers: UUID
) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    assert ask(services, open_to_offers).permitted == []
    scan(acting)
    [case] = cases(acting, open_to_offers)
    [offered] = ask(services, open_to_offers).permitted
    assert offered.decision.candidate == show(CASE, case.id)
    assert offered.permit is not None
    assert ask(services, open_to_offers, programme="replenishment").permitted == []
    assert ask(services, open_to_offers, event="unhappy").permitted == []
    assert ask(services, open_to_offers, at=NOW + timedelta(days=20)).permitted == []


def test_an_offer_of_the_catalogue_may_be_what_is_proposed(
    acting: Acting, services: Services, open_to_offers: UUID, policy_document: dict[str, Any]
) -> None:
    publish(services, policy_document, proposes=DETECTORS["lapsed"]["proposes"] | {"offer": "welcome-back"})
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    assert event_of(acting, open_to_offers).decision is None
    assert ask(services, open_to_offers).permitted == []
    welcome_back(services)
    [offered] = ask(services, open_to_offers).permitted
    assert offered.decision.candidate == "welcome-back"


def test_what_tells_of_health_is_no_event_for_who_must_not_hear_of_it(
    acting: Acting, services: Services, open_to_offers: UUID, policy_document: dict[str, Any]
) -> None:
    """An innocent offer would tell marketing which of two people has stopped buying a medicine."""
    proposes = {"programme": "marketing", "strategy": "curate", "offer": "welcome-back"}
    publish(services, policy_document, proposes=proposes)
    welcome_back(services)
    answer(acting, open_to_offers, "health_personalisation")
    buy(acting, open_to_offers, "lens", *LAPSED)
    scan(acting)
    assert event_of(acting, open_to_offers).sku == "lens"
    assert ask(services, open_to_offers).permitted == []
    with_scope = replace(MARKETING, scopes=frozenset({SCOPE}))
    asked = AskOffers(open_to_offers, "marketing", ("app",), event="lapsed")
    [offered] = permit_offers(replace(services, clock=lambda: NOW), with_scope, asked).permitted
    assert offered.decision.candidate == "welcome-back"


@pytest.mark.parametrize(
    ("changes", "stage"), [({"stage": "shadow"}, "shadow"), ({"stage": "pilot"}, "outside")]
)
def test_a_stage_that_may_not_propose_is_measured_all_the_same(
    acting: Acting,
    services: Services,
    open_to_offers: UUID,
    policy_document: dict[str, Any],
    changes: dict[str, Any],
    stage: str,
) -> None:
    publish(services, policy_document, **changes)
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    event = event_of(acting, open_to_offers)
    assert (event.arm.stage, event.decision) == (stage, None)
    assert ask(services, open_to_offers).permitted == []
    scan(acting, at=NOW + timedelta(days=20))
    assert event_of(acting, open_to_offers).outcome == "miss"
    assert metrics(acting, "lapsed") == {"people": 1, "event": 1, "miss": 1}


def test_off_is_off(
    acting: Acting, services: Services, open_to_offers: UUID, policy_document: dict[str, Any]
) -> None:
    publish(services, policy_document, stage="off")
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    assert cases(acting, open_to_offers) == []


def test_without_the_purpose_nothing_is_read(
    acting: Acting, open_to_offers: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    answer(acting, open_to_offers, OFFERS, "withdrawn")

    def forbidden(*args: Any, **_: object) -> list[Any]:
        assert "purchases" not in args[2], "a signal was read"
        return []

    monkeypatch.setattr(permitted_signals, "read_signals_of", forbidden)
    scan(acting)
    assert cases(acting, open_to_offers) == []


@pytest.mark.parametrize("taken_back", ["purpose", "sharing"])
def test_an_event_ends_with_the_purpose_it_was_read_under(
    acting: Acting, services: Services, open_to_offers: UUID, taken_back: str
) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    if taken_back == "purpose":
        answer(acting, open_to_offers, OFFERS, "withdrawn")
    else:
        choose(acting, open_to_offers, sharing={"purchases": False})
    # At once for whoever asks, and for good with the next scan.
    assert ask(services, open_to_offers).permitted == []
    scan(acting)
    assert cases(acting, open_to_offers) == []
    assert metrics(acting, "lapsed")["withdrawn"] == 1


def test_health_is_not_looked_at_without_its_consent(acting: Acting, open_to_offers: UUID) -> None:
    answer(acting, open_to_offers, "health_personalisation")
    buy(acting, open_to_offers, "lens", *LAPSED)
    buy(acting, open_to_offers, "insulin", *LAPSED)
    answer(acting, open_to_offers, "health_personalisation", "withdrawn")
    scan(acting)
    assert cases(acting, open_to_offers) == []
    answer(acting, open_to_offers, "health_personalisation")
    scan(acting)
    # Never of medicines on prescription: of these nothing may be proposed.
    assert event_of(acting, open_to_offers).sku == "lens"
    answer(acting, open_to_offers, "health_personalisation", "withdrawn")
    scan(acting)
    assert cases(acting, open_to_offers) == []


def test_who_has_paused_is_left_alone(acting: Acting, open_to_offers: UUID) -> None:
    until = NOW + timedelta(days=9)
    buy(acting, open_to_offers, "soap", *LAPSED)
    choose(acting, open_to_offers, paused_until=until)
    scan(acting)
    assert cases(acting, open_to_offers) == []
    assert due(acting, open_to_offers) == until


def test_the_same_lapse_is_found_once_and_the_next_after_the_cooldown(
    acting: Acting, open_to_offers: UUID
) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    for _ in range(2):
        scan(acting)
        with acting("system") as unit:
            unit.db.execute("update subjects set forecast_due = %s", (NOW,))
    assert len(cases(acting, open_to_offers)) == 1
    # Bought again, and left again: another lapse.
    bought_at(acting, open_to_offers, NOW + timedelta(days=1))
    scan(acting, at=NOW + timedelta(days=1))
    again = due(acting, open_to_offers)
    assert again is not None
    assert again <= NOW + timedelta(days=62)
    scan(acting, at=again)
    assert len(cases(acting, open_to_offers)) == 2


@pytest.mark.parametrize(("sku", "outcome"), [("soap", "hit"), ("lens", "miss")])
def test_a_hit_is_the_product_that_the_event_was_about(
    acting: Acting, open_to_offers: UUID, sku: str, outcome: str
) -> None:
    answer(acting, open_to_offers, "health_personalisation")
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    bought_at(acting, open_to_offers, NOW + timedelta(days=5), sku)
    scan(acting, at=NOW + timedelta(days=5))
    scan(acting, at=NOW + timedelta(days=21))
    assert event_of(acting, open_to_offers).outcome == outcome
    assert metrics(acting, "lapsed")[outcome] == 1


def test_a_complaint_leads_to_help_and_never_to_a_sale(
    acting: Acting, services: Services, open_to_offers: UUID
) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    assert len(ask(services, open_to_offers).permitted) == 1
    with acting("shop") as unit:
        store_signals(unit, [NewSignal(open_to_offers, "complaint_opened", NOW, {}, "c-1")])
    scan(acting)
    assert {c.details.detector for c in cases(acting, open_to_offers) if isinstance(c.details, Event)} == {
        "lapsed",
        "unhappy",
    }
    # The complaint suppresses marketing; nothing of the event is told to whoever asks in vain.
    withheld = ask(services, open_to_offers)
    assert (withheld.permitted, withheld.withheld, withheld.left_out) == ([], [], 0)
    [helped] = ask(services, open_to_offers, event="unhappy", programme="care").permitted
    assert helped.permit is not None


def test_erasure_merge_and_age_leave_nothing(
    acting: Acting, services: Services, open_to_offers: UUID
) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    with acting("shop") as unit:
        other = register_subject(
            unit, RegisterSubject([Identifier("customer_number", "7")], "sv", "SE", "Europe/Stockholm")
        ).id
    with acting("dpo") as unit:
        merge_subjects(unit, open_to_offers, other)
    # Neither agreed to the other's events, so what was open ends unmeasured.
    assert metrics(acting, "lapsed")["unknown"] == 1
    with acting("system") as unit:
        assert unit.db.execute("select state from cases").fetchall() == [("closed",)]
        assert unit.db.execute("select count(*) from pilot_members").fetchone() == (1,)
    with acting("customer", other) as unit:
        request = file_request(unit, other, "erasure").id
    with acting("dpo") as unit:
        fulfil_request(unit, request, "asked")
    with acting("system") as unit:
        for table in ("cases", "pilot_members"):
            assert unit.db.execute(f"select count(*) from {table}").fetchone() == (0,)
    # What was counted is about nobody, and stays.
    assert metrics(acting, "lapsed")["event"] == 1


def test_cases_and_counts_go_by_age(acting: Acting, services: Services, open_to_offers: UUID) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    young = replace(services, clock=lambda: NOW + timedelta(days=700))
    assert purge_by_age(young)["cases"] == 0
    old = replace(services, clock=lambda: NOW + timedelta(days=800))
    removed = purge_by_age(old)
    assert (removed["cases"], removed["pilot_members"]) == (1, 1)


def test_a_person_is_forgotten_with_the_month_that_counts_them(
    acting: Acting, services: Services, open_to_offers: UUID
) -> None:
    """Counted anew while the old count stands, few people would pass for the ten that may be shown."""
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    with acting("system") as unit:
        fold_tallies(unit.db)
    for days, removed, people in ((733, 0, 1), (745, 1, 0)):
        then = replace(services, clock=lambda days=days: NOW + timedelta(days=days))  # type: ignore[misc]
        assert purge_by_age(then)["pilot_members"] == removed
        assert metrics(acting, "lapsed").get("people", 0) == people


def test_the_person_reads_why_in_words(
    acting: Acting, services: Services, open_to_offers: UUID, policy_document: dict[str, Any]
) -> None:
    texts = {"fi": {"title": "Pitkä aika", "summary": "Et ole ostanut pitkään aikaan."}}
    publish(services, policy_document, texts=texts)
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    with acting("dpo") as unit:
        [shown] = holdings.cases(unit, read_subject(unit, open_to_offers), "fi")
    assert (shown["title"], shown["why"]) == ("Pitkä aika", "Et ole ostanut pitkään aikaan.")
    assert (shown["data"], shown["purpose"]) == (["purchases"], "personal offers")
    assert shown["details"]["parts"][0]["days"] == 100


def test_the_access_report_holds_what_was_detected(acting: Acting, open_to_offers: UUID) -> None:
    buy(acting, open_to_offers, "soap", *LAPSED)
    scan(acting)
    with acting("customer", open_to_offers) as unit:
        request = file_request(unit, open_to_offers, "access")
        report = subject_report(unit, read_subject(unit, open_to_offers), request)
    [shown] = report["cases"]
    assert shown["details"]["detector"] == "lapsed"
    assert shown["details"]["decision"] in {each["id"] for each in report["decisions"]}


def test_measured_on_everybody_who_lets_it_be_measured(acting: Acting, services: Services) -> None:
    """Twelve lapsed and came back or not; twelve had not lapsed; twelve are not looked at."""
    for number in range(36):
        with acting("shop") as unit:
            identifiers = [Identifier("customer_number", f"N-{number}")]
            person = register_subject(unit, RegisterSubject(identifiers, "sv", "SE", "UTC")).id
        choose(acting, person, sharing={"purchases": True}, levels={"*": "curate"})
        answer(acting, person, OFFERS)
        if number < 12:
            # Lapsed thirty days ago; a third came back since.
            buy(acting, person, "soap", 190, 160, 130, *((25,) if number % 3 == 0 else ()))
        elif number < 24:
            buy(acting, person, "soap", 100, 70, 40, *((20,) if number % 2 == 0 else ()))
        else:
            buy(acting, person, "soap", *LAPSED)
            answer(acting, person, OFFERS, "withdrawn")
    [measured] = [each for each in measure_detectors(services, 30) if each.detector == "lapsed"]
    assert measured.people == 24
    assert measured.detected is not None
    assert measured.rest is not None
    assert (measured.detected.count, measured.detected.of) == (4, 12)
    assert (measured.rest.count, measured.rest.of) == (6, 12)
    with acting("system") as unit:
        assert unit.db.execute("select count(*) from cases").fetchone() == (0,)
