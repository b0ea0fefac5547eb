"""Which offers may go to a person: of the catalogue or the caller, best first, no more than is allowed."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from schemas.candidates import CandidateShape
from service.actor import show_subject
from service.bootstrap import Services
from service.policy import evaluate_all
from service.storage.asked import to_candidate
from service.storage.catalogue import read_listings
from service.storage.decisions import read_decisions
from service.storage.permit_tokens import read_token
from service.storage.subjects import Subject, read_subjects
from service.use_cases.permit_offers import AskOffers, permit_offers
from tests.api.helpers import ANYBODY, Clock, Tokens, pointers, problem_of
from tests.api.people import MARKETING, add_person, add_products, candidate, change

ROUTE = "/v1/offers/permitted"


@pytest.fixture
def person(services: Services) -> Subject:
    add_products(services)
    return add_person(services)


def offer(**changes: Any) -> dict[str, Any]:
    return {
        "programme": "marketing",
        "strategy": "curate",
        "category": "beauty",
        "sku": "shampoo",
        "data": ["purchases"],
        "value": 100,
        "texts": {"sv": "Tre för två", "en": "Three for two"},
    } | changes


def put(client: FlaskClient, token: Tokens, name: str, **changes: Any) -> None:
    answer = client.put(f"/v1/offers/{name}", json=offer(**changes), headers=token("marketing"))
    assert answer.status_code == 200, answer.get_data(as_text=True)


def ask(client: FlaskClient, headers: dict[str, str], subject: UUID, **more: Any) -> dict[str, Any]:
    body = {"subject": show_subject(subject), "programme": "marketing", "channels": ["app"]} | more
    answer = client.post(ROUTE, json=body, headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def test_the_catalogue(client: FlaskClient, token: Tokens, person: Subject) -> None:
    put(client, token, "b", value=7, valid_until="2027-01-01T00:00:00Z", sponsored=True)
    put(client, token, "a")
    found = client.get("/v1/offers/b", headers=token("marketing")).get_json()
    assert found == offer(value=7, valid_until="2027-01-01T00:00:00Z", sponsored=True) | {"id": "b"}
    listed = client.get("/v1/offers?limit=1", headers=token("marketing")).get_json()
    assert [each["id"] for each in listed["items"]] == ["a"]
    rest = client.get(f"/v1/offers?limit=1&cursor={listed['next']}", headers=token("marketing")).get_json()
    assert [each["id"] for each in rest["items"]] == ["b"]
    put(client, token, "b", value=8)
    found = client.get("/v1/offers/b", headers=token("marketing")).get_json()
    assert (found["value"], found["valid_until"], found["sponsored"]) == (8, None, False)
    for name in ("unknown", "..", "a%20b"):
        problem_of(client.get(f"/v1/offers/{name}", headers=token("marketing")), 404, "not-found")


def test_the_policy_and_the_products_must_know_what_an_offer_names(
    client: FlaskClient, token: Tokens, person: Subject
) -> None:
    faults: list[tuple[dict[str, Any], set[str]]] = [
        ({"programme": "nobody"}, {"/programme"}),
        ({"strategy": "automate"}, {"/strategy"}),
        ({"category": "toys"}, {"/category"}),
        ({"category": "beauty.skin"}, {"/category"}),
        ({"sku": "unknown"}, {"/sku"}),
        ({"data": ["purchases", "shoe_size"]}, {"/data/1"}),
        ({"programme": "nobody", "data": ["x"], "sku": "unknown"}, {"/programme", "/data/0", "/sku"}),
        ({"value": -1}, {"/value"}),
        ({"texts": {"xx": "?"}}, {"/texts/xx"}),
        ({"data": ["purchases", "purchases"]}, {"/data"}),
    ]
    for changes, expected in faults:
        answer = client.put("/v1/offers/a", json=offer(**changes), headers=token("marketing"))
        assert pointers(problem_of(answer, 422, "invalid-input")) == expected, changes
    problem_of(client.get("/v1/offers/a", headers=token("marketing")), 404, "not-found")


def test_the_whole_catalogue_best_first(
    client: FlaskClient, token: Tokens, person: Subject, clock: Clock
) -> None:
    put(client, token, "cheap", value=1)
    put(client, token, "equal-b", value=50)
    put(client, token, "equal-a", value=50, sponsored=True)
    put(client, token, "dear", value=900, sku="cream", category="beauty.skin")
    put(client, token, "over", value=999, valid_until="2026-11-22T09:00:00Z")
    put(client, token, "another-programme", programme="ownership", value=999)
    put(client, token, "grown-up", value=2, sku="wine", category="alcohol", data=["location"])
    found = ask(client, token("marketing"), person.id)
    assert (found["epoch"], found["policy"]) == (1, 1)
    assert [each["offer"] for each in found["permitted"]] == ["dear", "equal-a", "equal-b", "cheap"]
    assert [each["score"] for each in found["permitted"]] == [900, 50, 50, 1]
    assert [each.get("sponsored") for each in found["permitted"]] == [None, True, None, None]
    first = found["permitted"][0]
    assert (first["strategy"], first["channel"], first["not_before"]) == ("curate", "app", None)
    assert found["withheld"] == [{"offer": "grown-up", "stage": "data"}]
    # A change of the catalogue is seen by the next question.
    put(client, token, "dear", value=3, sku="cream", category="beauty.skin")
    put(client, token, "new", value=4000)
    again = ask(client, token("marketing"), person.id, limit=2)
    assert [each["offer"] for each in again["permitted"]] == ["new", "equal-a"]
    assert all(each["permit"] for each in again["permitted"])


def test_the_callers_own_candidates(client: FlaskClient, token: Tokens, person: Subject) -> None:
    """Programme and channels are the question's, unless a candidate names some; values the catalogue's."""
    put(client, token, "mine", value=5)
    plain = {"id": "bare", "strategy": "curate", "sku": "shampoo", "data": []}
    own = candidate(id="own", programme="replenishment", strategy="curate", channels=["sms"], quantity=2)
    found = ask(client, token("marketing"), person.id, candidates=[plain, own, plain | {"id": "mine"}])
    shown = {each["offer"]: (each["channel"], each["score"]) for each in found["permitted"]}
    assert shown == {"mine": ("app", 5), "bare": ("app", 0), "own": ("sms", 0)}
    assert next(iter(shown)) == "mine"


def test_what_is_deferred_has_no_permit(
    client: FlaskClient, token: Tokens, person: Subject, clock: Clock
) -> None:
    clock.now = clock.now.replace(hour=22)
    found = ask(
        client, token("marketing"), person.id, candidates=[candidate(strategy="curate")], channels=["sms"]
    )
    assert found["permitted"][0]["permit"] is not None
    late = candidate(strategy="curate", channels=["email"], programme="marketing")
    [deferred] = ask(client, token("marketing"), person.id, candidates=[late])["permitted"]
    assert deferred["not_before"] == "2026-11-23T07:00:00Z"
    assert deferred["permit"] is None


def test_a_lower_rung_has_a_permit_for_that_rung(client: FlaskClient, token: Tokens, person: Subject) -> None:
    asked = candidate(programme="replenishment", strategy="coach", sku="shampoo")
    [found] = ask(client, token("marketing"), person.id, candidates=[asked])["permitted"]
    assert found["strategy"] == "curate"
    heard = client.post(
        "/v1/permits/redeem", json={"permits": [found["permit"]]}, headers=token("marketing")
    ).get_json()
    assert heard["permits"][0]["status"] == "redeemed"


def test_marketing_sees_no_special_category_without_the_scope(
    client: FlaskClient, token: Tokens, person: Subject
) -> None:
    health = [candidate(id=f"h{n}", sku="cough", strategy="curate") for n in range(11)]
    found = ask(client, token("marketing"), person.id, candidates=[candidate(strategy="curate"), *health])
    assert [each["offer"] for each in found["permitted"]] == ["c1"]
    assert (found["withheld"], found["left_out"]) == ([], 11)
    few = ask(client, token("marketing"), person.id, candidates=[candidate(strategy="curate"), *health[:9]])
    assert few["left_out"] == 0
    scoped = token("marketing", scope="offers:special")
    assert "left_out" not in ask(client, scoped, person.id, candidates=health)


def test_only_the_stage_is_told(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    change(services, person.id, lambda choices: choices.objections.append("direct_marketing"))
    found = ask(client, token("marketing"), person.id, candidates=[candidate(strategy="curate")])
    assert found["permitted"] == []
    assert found["withheld"] == [{"offer": "c1", "stage": "purpose"}]
    assert "objected" not in str(found)


def test_nobody(client: FlaskClient, token: Tokens, person: Subject) -> None:
    found = ask(client, token("marketing"), ANYBODY, candidates=[candidate(strategy="curate")])
    assert found["epoch"] is None
    assert found["withheld"] == [{"offer": "c1", "stage": "identity"}]


def test_a_state_older_than_the_caller_knows_answers_nothing(
    client: FlaskClient, token: Tokens, person: Subject
) -> None:
    body = {"subject": show_subject(person.id), "programme": "marketing", "channels": ["app"], "min_epoch": 2}
    problem = problem_of(client.post(ROUTE, json=body, headers=token("marketing")), 409, "conflict")
    assert problem["epoch"] == "1"
    assert ask(client, token("marketing"), person.id, min_epoch=1)["epoch"] == 1


def test_only_what_was_shown_has_a_permit(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    """What `limit` cut off was decided and recorded, and gives no authority."""
    offers = [candidate(id=f"o{n}", strategy="curate") for n in range(5)]
    found = ask(client, token("marketing"), person.id, candidates=offers, limit=2)
    names = [read_token(services.index, each["permit"]) for each in found["permitted"]]
    with services.database.connection() as db:
        assert names[0] is not None
        record = read_decisions(db, services.keyring, names[0].row).record
    assert len(record.decisions) == 5
    assert record.permits == [name.place for name in names if name]


def test_the_same_meaning_as_the_evaluator(services: Services, clock: Clock, person: Subject) -> None:
    """P5: what is permitted, when and by which channel is what the evaluator says of each."""
    asked = [
        CandidateShape().load(
            candidate(id=f"{sku}-{strategy}-{channel}", sku=sku, strategy=strategy, channels=[channel])
        )
        for sku in ("cream", "shampoo", "wine", "pills", "cough", "unknown")
        for strategy in ("curate", "coach", "automate")
        for channel in ("app", "email", "sms", "pigeon")
    ]
    scoped = type(MARKETING)("m", MARKETING.roles, frozenset({"offers:special"}))
    clock.now = clock.now.replace(hour=22)
    found = permit_offers(services, scoped, AskOffers(person.id, "marketing", ("app",), asked))
    with services.database.connection() as db:
        state = read_subjects(db, services.keyring, [person.id])[person.id].state(clock.now)
        listings = read_listings(db, {each.sku for each in asked})
        policy = services.policies.in_force(db).policy
    decisions = evaluate_all(policy, state, [to_candidate(each, listings) for each in asked], clock.now)
    expected = {each.candidate: each for each in decisions}
    assert {each.decision.candidate: each.decision for each in found.permitted} == {
        name: each for name, each in expected.items() if each.strategy is not None
    }
    assert {each.decision.outcome.value for each in found.permitted} == {"allow", "downgrade", "defer"}
    for each in found.permitted:
        assert (each.permit is None) == (each.decision.outcome.value == "defer")
    assert len(found.permitted) + len(found.withheld) == len(asked)


def test_a_catalogue_that_changes_while_it_is_read_is_never_taken_for_whole(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    """Two who put offers at once: whoever asks after both were answered sees both."""

    def work(name: str) -> None:
        for number in range(10):
            put(services_client, token, f"{name}{number}", value=number)
            found = ask(services_client, token("marketing"), person.id)
            assert f"{name}{number}" in {each["offer"] for each in found["permitted"]}

    services_client = client.application.test_client()
    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ask(client, token("marketing"), person.id)
    assert len(found["permitted"]) == 20


def test_faults(client: FlaskClient, token: Tokens, person: Subject) -> None:
    good = {"subject": show_subject(person.id), "programme": "marketing", "channels": ["app"]}
    bare = {"id": "c", "strategy": "curate", "sku": "shampoo", "data": []}
    faults: list[tuple[dict[str, Any], str]] = [
        ({"channels": []}, "/channels"),
        ({"channels": ["app", "app"]}, "/channels"),
        ({"candidates": []}, "/candidates"),
        ({"candidates": [bare] * 501}, "/candidates"),
        ({"candidates": [bare | {"strategy": "off"}]}, "/candidates/0/strategy"),
        ({"candidates": [bare | {"channels": []}]}, "/candidates/0/channels"),
        ({"limit": 0}, "/limit"),
        ({"min_epoch": -1}, "/min_epoch"),
        ({"subject": "sub_x"}, "/subject"),
        ({"context": 7}, "/context"),
        ({"unknown": 1}, "/unknown"),
    ]
    for changes, pointer in faults:
        answer = client.post(ROUTE, json=good | changes, headers=token("marketing"))
        assert pointer in pointers(problem_of(answer, 422, "invalid-input")), changes
    twice = b'{"subject":"x","programme":"a","programme":"b","channels":["app"]}'
    answer = client.post(ROUTE, data=twice, content_type="application/json", headers=token("marketing"))
    problem_of(answer, 400, "malformed-input")


def test_an_offer_stands_until_its_end(
    client: FlaskClient, token: Tokens, person: Subject, clock: Clock
) -> None:
    put(client, token, "soon-over", valid_until="2026-11-22T09:05:00Z")
    [found] = ask(client, token("marketing"), person.id)["permitted"]
    clock.now += timedelta(minutes=5)
    assert ask(client, token("marketing"), person.id)["permitted"] == []
    # The permit would have lived five minutes longer than the offer.
    heard = client.post(
        "/v1/permits/redeem", json={"permits": [found["permit"]]}, headers=token("marketing")
    ).get_json()
    assert heard["permits"][0] == {"permit": found["permit"], "status": "refused", "stage": "request"}
