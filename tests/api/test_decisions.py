"""POST /v1/decisions and GET /v1/decisions/{id}."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.bootstrap import Services
from service.ids import new_subject_id
from service.policy import evaluate
from service.storage.decisions import read_decision_id, read_decisions
from service.storage.subjects import Subject, lock_subject, read_subjects, save_choices
from service.use_cases.erase_subject import erase_subject
from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.people import DPO, add_person, add_products, ask, candidate

ROUTE = "/v1/decisions"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    """The pharmacy with everything rolled out, so that a person's choices decide."""
    return policy_document | {"rollout": []}


@pytest.fixture
def person(services: Services) -> Subject:
    add_products(services)
    return add_person(services)


def post(client: FlaskClient, body: Any, headers: dict[str, str]) -> dict[str, Any]:
    response = client.post(ROUTE, json=body, headers=headers)
    assert response.status_code == 200, response.get_data(as_text=True)
    found: dict[str, Any] = response.get_json()
    return found


def test_decides(client: FlaskClient, token: Tokens, person: Subject) -> None:
    found = post(client, ask(person.id, candidate(), candidate(id="c2", sku="pills")), token("shop"))
    assert (found["epoch"], found["policy"]) == (1, 1)
    first, second = found["decisions"]
    assert (first["outcome"], first["strategy"], first["channel"]) == ("allow", "coach", "app")
    assert (second["candidate"], second["outcome"]) == ("c2", "deny")
    assert [r["code"] for r in second["reasons"]] == ["category_limit", "category_limit"]
    assert first["id"] != second["id"]


def test_the_catalogue_decides_category_and_price(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    told = candidate(sku="wine", category="beauty", price_minor=1, currency="EUR")
    found = post(client, ask(person.id, told), token("shop"))
    assert {r["code"] for r in found["decisions"][0]["reasons"]} == {"category_limit"}
    row, index = read_decision_id(found["decisions"][0]["id"])
    with services.database.connection() as db:
        kept = read_decisions(db, services.keyring, row).record.candidates[index]
    assert (kept.category, kept.price_minor, kept.currency) == ("alcohol", 15900, "SEK")


def test_an_unlisted_sku_has_no_category(client: FlaskClient, token: Tokens, person: Subject) -> None:
    found = post(client, ask(person.id, candidate(sku="nowhere", category="beauty")), token("shop"))
    assert found["decisions"][0]["reasons"] == [
        {"strategy": None, "code": "category_unknown", "on": None, "remedy": None}
    ]


def test_answers_as_the_evaluator_does(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    """One meaning (P5), and what was kept is what was answered."""
    asked = [
        candidate(id=f"c{n}", sku=sku, strategy=strategy)
        for n, (sku, strategy) in enumerate(
            (sku, strategy)
            for sku in ("cream", "shampoo", "cough", "wine", "pills", "nowhere")
            for strategy in ("respond", "curate", "coach", "automate")
        )
    ]
    found = post(client, ask(person.id, *asked), token("shop"))["decisions"]
    with services.database.connection() as db:
        policy = services.policies.in_force(db).policy
        state = read_subjects(db, services.keyring, [person.id])[person.id].state(services.now)
        row, _ = read_decision_id(found[0]["id"])
        record = read_decisions(db, services.keyring, row).record
    for index, answer in enumerate(found):
        expected = evaluate(policy, state, record.candidates[index].to_candidate(), services.now)
        assert {key: answer[key] for key in answer if key != "id"} == expected.to_dict()
        assert record.decision(index) == expected


def test_an_unknown_subject_is_a_decision(client: FlaskClient, token: Tokens, person: Subject) -> None:
    found = post(client, ask(new_subject_id(), candidate()), token("shop"))
    assert found["epoch"] is None
    [decision] = found["decisions"]
    assert decision["reasons"][0]["code"] == "subject_unknown"
    assert "id" not in decision


def test_an_erased_subject_is_a_decision(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    with services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, person.id))
    [decision] = post(client, ask(person.id, candidate()), token("shop"))["decisions"]
    assert decision["reasons"][0]["code"] == "subject_erased"


def test_a_state_that_cannot_be_read_is_a_refusal(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    with services.database.connection() as db:
        db.execute("update keys.data_keys set wrapped = 'x' where owner = %s", (person.id,))
    problem_of(client.post(ROUTE, json=ask(person.id, candidate()), headers=token("shop")), 503, "unreadable")


def test_choices_that_nobody_has_words_for_permit_nothing(
    client: FlaskClient, services: Services, token: Tokens
) -> None:
    """A level of another release, say: half a state is no state."""
    person = add_person(services)
    with services.unit(DPO) as unit:
        found = lock_subject(unit, person.id)
        found.choices.levels = {"*": "telepathy"}
        save_choices(unit, found)
    problem_of(client.post(ROUTE, json=ask(person.id, candidate()), headers=token("shop")), 503, "unreadable")


def test_marketing_sees_the_stage_alone(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    refuser = add_person(services, consents={}, levels={})
    [decision] = post(client, ask(refuser.id, candidate()), token("marketing"))["decisions"]
    assert decision["outcome"] == "deny"
    assert decision["stage"] == "purpose"
    assert "reasons" not in decision
    [decision] = post(client, ask(person.id, candidate()), token("marketing", "shop"))["decisions"]
    assert "reasons" not in decision


def test_special_categories_are_left_out_for_marketing(
    client: FlaskClient, token: Tokens, person: Subject
) -> None:
    some = [candidate(id=f"c{n}", sku="cough") for n in range(3)]
    found = post(client, ask(person.id, candidate(), *some), token("marketing"))
    assert [d["candidate"] for d in found["decisions"]] == ["c1"]
    assert found["left_out"] == 0
    many = [candidate(id=f"c{n}", sku="cough") for n in range(12)]
    found = post(client, ask(person.id, *many), token("marketing"))
    assert (found["decisions"], found["left_out"]) == ([], 12)
    found = post(client, ask(person.id, *some), token("marketing", scope="offers:special"))
    assert len(found["decisions"]) == 3


def test_a_customer_speaks_of_nobody_else(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    other = add_person(services)
    headers = token("customer", subject=person.id)
    post(client, ask(person.id, candidate()), headers)
    problem_of(client.post(ROUTE, json=ask(other.id, candidate()), headers=headers), 404, "not-found")
    body = ask(new_subject_id(), candidate())
    problem_of(client.post(ROUTE, json=body, headers=headers), 404, "not-found")


@pytest.mark.parametrize("role", ["pharmacist", "admin"])
def test_other_roles_may_not_ask(client: FlaskClient, token: Tokens, person: Subject, role: str) -> None:
    problem_of(client.post(ROUTE, json=ask(person.id, candidate()), headers=token(role)), 403, "forbidden")


def test_every_fault_is_listed(client: FlaskClient, token: Tokens, person: Subject) -> None:
    body = ask(
        person.id,
        candidate(strategy="off", quantity=0),
        candidate(channels=["app", "app"], sku="a b", nonsense=1),
        candidate(expires_at="tomorrow", data=None, fallback=1),
    )
    problem = problem_of(client.post(ROUTE, json=body, headers=token("shop")), 422, "invalid-input")
    assert pointers(problem) == {
        "/candidates/0/strategy",
        "/candidates/0/quantity",
        "/candidates/1/channels",
        "/candidates/1/sku",
        "/candidates/1/nonsense",
        "/candidates/2/expires_at",
        "/candidates/2/data",
        "/candidates/2/fallback",
    }


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"", 400, "malformed-input"),
        (b"{", 400, "malformed-input"),
        (b"[]", 422, "invalid-input"),
        (b"null", 422, "invalid-input"),
        (b'{"subject":"sub_x","candidates":[]}', 422, "invalid-input"),
        (b'{"subject":1}', 422, "invalid-input"),
        (b'{"subject":"a","subject":"b","candidates":[]}', 400, "malformed-input"),
        (b"[" * 100_000, 400, "malformed-input"),
    ],
)
def test_bad_bodies(client: FlaskClient, token: Tokens, body: bytes, status: int, slug: str) -> None:
    headers = token("shop")
    problem_of(client.post(ROUTE, data=body, content_type="application/json", headers=headers), status, slug)
    problem_of(client.post(ROUTE, data=body, headers=headers), 415, "unsupported-media-type")


def test_at_most_five_hundred(client: FlaskClient, token: Tokens, person: Subject) -> None:
    body = ask(person.id, *[candidate(id=f"c{n}") for n in range(500)])
    assert len(post(client, body, token("shop"))["decisions"]) == 500
    body["candidates"].append(candidate())
    problem = problem_of(client.post(ROUTE, json=body, headers=token("shop")), 422, "invalid-input")
    assert pointers(problem) == {"/candidates"}


def test_the_record_explains_itself(client: FlaskClient, token: Tokens, person: Subject) -> None:
    [decision] = post(client, ask(person.id, candidate(sku="pills")), token("shop"))["decisions"]
    headers = token("customer", subject=person.id)
    found = client.get(f"{ROUTE}/{decision['id']}?locale=sv", headers=headers).get_json()
    assert found["reasons"] == decision["reasons"]
    assert (found["epoch"], found["policy"], found["asked_by"]) == (1, 1, "shop")
    assert found["asked"]["category"] == "health.rx"
    assert "consents.health_personalisation" in found["fields_read"]
    assert len(found["inputs"]["digest"]) == 64
    swedish = found["explanation"]
    assert swedish
    english = client.get(f"{ROUTE}/{decision['id']}", headers=headers | {"Accept-Language": "en-GB,en"})
    assert english.get_json()["explanation"] != swedish


def test_who_may_read_a_record(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    [decision] = post(client, ask(person.id, candidate()), token("shop"))["decisions"]
    path = f"{ROUTE}/{decision['id']}"
    other = add_person(services)
    problem_of(client.get(path, headers=token("customer", subject=other.id)), 404, "not-found")
    problem_of(client.get(path, headers=token("shop")), 403, "forbidden")
    problem_of(client.get(path[:-1] + "7", headers=token("dpo")), 404, "not-found")
    problem_of(client.get(f"{ROUTE}/dec_nothing", headers=token("dpo")), 404, "not-found")
    assert client.get(path, headers=token("dpo")).status_code == 200
    with services.database.connection() as db:
        row = db.execute("select count(*) from access_log where subject = %s", (person.id,)).fetchone()
    assert row == (1,)


def test_a_record_goes_with_the_person(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    [decision] = post(client, ask(person.id, candidate()), token("shop"))["decisions"]
    with services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, person.id))
    problem_of(client.get(f"{ROUTE}/{decision['id']}", headers=token("dpo")), 404, "not-found")


class TestCounterfactuals:
    def ask(self, client: FlaskClient, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = post(client, body | {"counterfactuals": True}, headers)["decisions"][0]
        return found

    def test_what_would_allow(
        self, client: FlaskClient, token: Tokens, services: Services, person: Subject
    ) -> None:
        shy = add_person(
            services, consents={}, sharing={}, levels={}, channels={"email": False, "sms": False}
        )
        asked = candidate(channels=["email", "sms"])
        found = self.ask(client, token("customer", subject=shy.id), ask(shy.id, asked))
        sets = [{(c["do"], c["on"]) for c in way["changes"]} for way in found["would_allow"]]
        needed = {
            ("give_consent", "replenishment_reminders"),
            ("share_data", "purchases"),
            ("raise_level", "beauty"),
        }
        # Either channel will do, so there are two minimal sets.
        assert sets == [needed | {("opt_in", "email")}, needed | {("opt_in", "sms")}]
        assert found["would_allow"][0]["shares"] == ["purchases"]

    def test_a_mandate_may_charge(self, client: FlaskClient, token: Tokens, person: Subject) -> None:
        asked = candidate(strategy="automate", quantity=2)
        found = self.ask(client, token("customer", subject=person.id), ask(person.id, asked))
        [way] = found["would_allow"]
        assert way["changes"] == [{"do": "set_mandate", "on": "shampoo"}]
        assert way["may_charge"] == {"amount_minor": 9800, "currency": "SEK"}

    def test_what_would_stop(self, client: FlaskClient, token: Tokens, person: Subject) -> None:
        found = self.ask(client, token("dpo"), ask(person.id, candidate(channels=["app"])))
        assert found["outcome"] == "allow"
        assert found["would_allow"] == []
        stops = {(c["do"], c["on"]) for way in found["would_stop"] for c in way["changes"]}
        assert stops == {
            ("withdraw_consent", "replenishment_reminders"),
            ("object", "replenishment_reminders"),
            ("unshare_data", "purchases"),
            ("lower_level", "beauty"),
            ("refuse_channel", "app"),
            ("pause", None),
        }

    @pytest.mark.parametrize("role", ["shop", "marketing"])
    def test_are_not_for_others(self, client: FlaskClient, token: Tokens, person: Subject, role: str) -> None:
        body = ask(person.id, candidate(), counterfactuals=True)
        problem_of(client.post(ROUTE, json=body, headers=token(role)), 403, "forbidden")

    def test_of_a_stranger(self, client: FlaskClient, token: Tokens, person: Subject) -> None:
        found = self.ask(client, token("dpo"), ask(new_subject_id(), candidate()))
        assert (found["would_allow"], found["would_stop"]) == ([], [])


def test_erased_between_reading_and_keeping(
    client: FlaskClient, token: Tokens, person: Subject, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is written for somebody who was erased in the meantime; the answer is made anew."""
    from service.use_cases import decide as module  # noqa: PLC0415 (the module, to stand in its way)

    def erase_first(*args: Any, **kwargs: Any) -> bool:
        monkeypatch.undo()
        with services.unit(DPO) as unit:
            erase_subject(unit, lock_subject(unit, person.id))
        return module.insert_decisions(*args, **kwargs)

    monkeypatch.setattr(module, "insert_decisions", erase_first)
    [decision] = post(client, ask(person.id, candidate()), token("shop"))["decisions"]
    assert decision["reasons"][0]["code"] == "subject_erased"
    with services.database.connection() as db:
        assert db.execute("select count(*) from decisions").fetchone() == (0,)
