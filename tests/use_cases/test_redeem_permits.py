"""A permit is redeemed once, by the client that got it, under the person's lock (P1, P4)."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import UniqueViolation

from schemas.candidates import CandidateShape
from service.actor import Actor
from service.bootstrap import Services
from service.errors import KeyExhaustedError
from service.policy import Outcome, evaluate
from service.storage.choices import StoredMandate
from service.storage.decisions import read_decision_id, read_decisions
from service.storage.erasure import erase_rows
from service.storage.permit_tokens import Name, permit_token, read_token
from service.storage.permits import LIFE
from service.storage.policies import publish_policy
from service.storage.subjects import lock_subject, read_subject, read_subject_at, save_choices
from service.use_cases import redeem_permits as module
from service.use_cases import stop_permits
from service.use_cases.decide import decide
from service.use_cases.erase_subject import erase_subject
from service.use_cases.filter_chunk import filter_chunk
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.purge_by_age import purge_by_age
from service.use_cases.submit_candidates import Pair, Parts, submit_candidates
from tests.api.people import add_person, add_products
from tests.use_cases.conftest import NOW
from tests.use_cases.permits import MARKETING, OTHER, answer, offer, permit, permits, redeem

ROUNDS = 60
# The same client, with the scope of special categories.
SCOPED = Actor("marketing-1", frozenset({"marketing"}), scopes=frozenset({"offers:special"}))
# Automatic for everybody, whatever lot they drew in the pilot of the other categories.
SHIPPED = {"programme": "replenishment", "strategy": "automate", "sku": "cough", "fallback": False}


class Clock:
    now = NOW

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock(services: Services) -> Clock:
    found = Clock()
    object.__setattr__(services, "clock", found)
    return found


@pytest.fixture
def person(services: Services, clock: Clock) -> UUID:
    add_products(services)
    return add_person(services).id


def count(services: Services, statement: str) -> int:
    with services.database.connection() as db:
        row = db.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


def contacts(services: Services, subject: UUID) -> list[str]:
    with services.unit(MARKETING) as unit:
        return [contact.channel for contact in read_subject(unit, subject).activity.contacts]


def test_once_and_then_never_again(services: Services, person: UUID) -> None:
    token = permit(services, person)
    assert redeem(services, [token]) == ["redeemed"]
    assert redeem(services, [token]) == ["used"]
    assert redeem(services, [token, token]) == ["used", "used"]
    assert contacts(services, person) == ["app"]


def test_twice_in_one_request_is_once(services: Services, person: UUID) -> None:
    token = permit(services, person)
    assert redeem(services, [token, token, token]) == ["redeemed", "used", "used"]
    assert contacts(services, person) == ["app"]


def test_two_at_once_redeem_it_once(services: Services, person: UUID) -> None:
    """Each of them twice over: many threads with the same permits in different orders."""
    for _ in range(8):
        subjects = [add_person(services).id for _ in range(5)]
        tokens = [permit(services, subject) for subject in subjects]
        answers: list[dict[str, str]] = []
        orders = [random.Random(seed).sample(tokens, len(tokens)) for seed in range(4)]
        _together(*((_redeem_into, services, order, answers) for order in orders))
        for token in tokens:
            assert sorted(each[token] for each in answers) == ["redeemed", "used", "used", "used"]
        assert all(contacts(services, subject) == ["app"] for subject in subjects)


def test_the_same_request_again_hears_the_same(services: Services, person: UUID) -> None:
    """As after a crash between the commit and the answer. Another request, or a double, hears `used`."""
    token = permit(services, person)
    assert redeem(services, [token], key="k1") == ["redeemed"]
    assert redeem(services, [token, token], key="k1") == ["redeemed", "used"]
    assert redeem(services, [token], key="k2") == ["used"]
    assert redeem(services, [token]) == ["used"]
    assert contacts(services, person) == ["app"]


def test_nobody_elses_permit_exists(services: Services, person: UUID) -> None:
    token = permit(services, person)
    answers = redeem(services, [token, token[:-1] + ("a" if token[-1] != "a" else "b"), "", "prm_"], by=OTHER)
    assert answers == ["request"] * 4
    assert redeem(services, [token]) == ["redeemed"]
    # Nor does another learn that it was used.
    assert redeem(services, [token], by=OTHER) == ["request"]


def test_a_permit_of_another_place_or_row_is_none(services: Services, person: UUID) -> None:
    """What follows the code in a token is covered by it: no token leads to another's decision."""
    token = permit(services, person)
    other = permit(services, add_person(services).id)
    for cut in range(5, len(token)):
        mixed = other[:cut] + token[cut:]
        if mixed not in {token, other}:
            assert read_token(services.index, mixed) is None
            assert redeem(services, [mixed]) == ["request"]


def test_what_was_only_asked_has_no_permit(services: Services, person: UUID) -> None:
    """A row of /v1/decisions names none of its places, so not even our own code would do."""
    asked = decide(services, MARKETING, person, [CandidateShape().load(offer())])
    assert asked.decisions[0].outcome is Outcome.allow
    row, place = read_decision_id(asked.ids[0])
    assert redeem(services, [permit_token(services.index, Name(row, place))]) == ["request"]


def test_it_ends_after_ten_minutes(services: Services, person: UUID, clock: Clock) -> None:
    early, late = permit(services, person), permit(services, person, number=1)
    clock.now += LIFE - timedelta(seconds=1)
    assert redeem(services, [early]) == ["redeemed"]
    clock.now += timedelta(seconds=1)
    assert redeem(services, [early, late]) == ["used", "request"]


def test_caps_bind_at_redemption(services: Services, person: UUID) -> None:
    """E-mail takes two a week: four permits were given, for none of them was a contact yet."""
    tokens = [permit(services, person, number=n, channels=["email"]) for n in range(4)]
    assert redeem(services, tokens) == ["redeemed", "redeemed", "timing", "timing"]
    assert contacts(services, person) == ["email", "email"]
    # The cap of all channels together is four a week.
    more = [permit(services, person, number=n) for n in range(2)]
    late = permit(services, person, number=9)
    assert redeem(services, [*more, late]) == ["redeemed", "redeemed", "timing"]


def test_caps_bind_between_threads(services: Services, person: UUID) -> None:
    for _ in range(5):
        subject = add_person(services).id
        tokens = [permit(services, subject, number=n, channels=["email"]) for n in range(4)]
        answers: list[dict[str, str]] = []
        _together(*((_redeem_into, services, [token], answers) for token in tokens))
        assert sorted(status for each in answers for status in each.values()) == [
            "redeemed",
            "redeemed",
            "timing",
            "timing",
        ]


def test_the_persons_own_limit_binds(services: Services, person: UUID) -> None:
    tokens = [permit(services, person, number=n) for n in range(2)]
    with services.unit(MARKETING) as unit:
        subject = lock_subject(unit, person)
        subject.choices.max_per_week = 1
        save_choices(unit, subject)
    assert redeem(services, tokens) == ["redeemed", "timing"]


def test_mandates_bind(services: Services, person: UUID) -> None:
    """An automatic order that was handed over counts against the mandate that it was made under."""
    with services.unit(MARKETING) as unit:
        subject = lock_subject(unit, person)
        subject.choices.mandates = [
            StoredMandate("man_1", "*", "SEK", 50_000, NOW, max_spend_minor=16_000, spend_days=30)
        ]
        save_choices(unit, subject)
    tokens = [permit(services, person, by=SCOPED, number=n, **SHIPPED) for n in range(3)]
    assert redeem(services, tokens, by=SCOPED) == ["redeemed", "redeemed", "mandate"]
    with services.unit(MARKETING) as unit:
        orders = read_subject(unit, person).activity.orders
    assert [(order.sku, order.mandate, order.amount_minor) for order in orders] == [
        ("cough", "man_1", 7900)
    ] * 2


def test_only_the_channel_that_was_permitted(services: Services, person: UUID) -> None:
    """The client was told `email`; that the app would do is another permit's matter."""
    token = permit(services, person, channels=["email", "app"])
    with services.unit(MARKETING) as unit:
        subject = lock_subject(unit, person)
        subject.choices.channels["email"] = False
        save_choices(unit, subject)
    assert redeem(services, [token]) == ["channel"]


def test_one_bad_permit_spoils_no_other(services: Services, person: UUID, clock: Clock) -> None:
    """Among 250 people: one withdrew, one is erased, one's state is damaged, some tokens are made up."""
    people = [person, *(add_person(services).id for _ in range(249))]
    tokens = [permit(services, each) for each in people]
    withdrawn, erased, damaged = people[10], people[120], people[210]
    answer(services, withdrawn, "withdrawn")
    with services.unit(MARKETING) as unit:
        lock_subject(unit, erased)
        erase_rows(unit, erased)
        unit.db.execute("set local role none")
        unit.db.execute("set local session_replication_role = replica")
        unit.db.execute("update subject_states set sealed = '\\x00' where subject = %s", (damaged,))
    answers = redeem(services, [*tokens, "prm_x", tokens[0]])
    expected = ["redeemed"] * 250 + ["request", "used"]
    expected[10], expected[120], expected[210] = "purpose", "request", "identity"
    assert answers == expected


def test_what_cannot_be_written_for_one_is_written_for_the_others(
    services: Services, person: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Her key has sealed as much as it may: nothing of hers is kept, not even half of it."""
    people = [person, *(add_person(services).id for _ in range(4))]
    tokens = [permit(services, each) for each in people]
    really = module.settle_permit

    def exhausted(unit: Any, subject: Any, *more: Any) -> None:
        if subject.id == people[2]:
            raise KeyExhaustedError
        really(unit, subject, *more)

    before = count(services, "select count(*) from decisions")
    monkeypatch.setattr(module, "settle_permit", exhausted)
    expected = ["redeemed", "redeemed", "identity", "redeemed", "redeemed"]
    assert redeem(services, tokens) == expected
    assert count(services, "select count(*) from decisions") == before + 4
    assert contacts(services, people[2]) == []
    monkeypatch.undo()
    assert redeem(services, tokens)[2] == "redeemed"


def test_the_policy_then_in_force_decides(
    services: Services, person: UUID, policy_document: dict[str, Any], clock: Clock
) -> None:
    token = permit(services, person)
    policy_document["purposes"]["personal_offers"]["min_notice_version"] = 3
    with services.database.transaction() as db:
        publish_policy(db, policy_document, clock.now)
    assert redeem(services, [token]) == ["purpose"]


def test_a_product_that_changed_category_is_judged_anew(services: Services, person: UUID) -> None:
    token = permit(services, person)
    with services.database.transaction() as db:
        db.execute("update products set category = 'health.rx' where sku = 'shampoo'")
    # Marketing without the scope does not even learn that it is a special category now.
    assert redeem(services, [token]) == ["request"]
    assert redeem(services, [token], by=SCOPED) == ["category"]


def test_what_is_redeemed_is_recorded_and_can_be_replayed(services: Services, person: UUID) -> None:
    tokens = [permit(services, person, number=n, channels=["email"]) for n in range(3)]
    assert redeem(services, tokens) == ["redeemed", "redeemed", "timing"]
    with services.unit(MARKETING) as unit:
        rows = unit.db.execute(
            "select id from decisions where subject = %s order by id", (person,)
        ).fetchall()
        found = [read_decisions(unit.db, unit.keyring, row[0]) for row in rows][3:]
        for row in found:
            assert row.epoch is not None
            assert row.activity is not None
            subject = read_subject_at(unit, person, row.epoch, row.activity)
            candidate = row.record.candidates[0].to_candidate()
            again = evaluate(unit.policy, subject.state(row.at), candidate, row.at)
            assert again == row.record.decision(0)
    assert [row.record.decisions[0].outcome for row in found] == ["allow", "allow", "defer"]


def test_a_withdrawal_ends_what_waits_and_names_what_left(services: Services, person: UUID) -> None:
    used, waiting = permit(services, person), permit(services, person, number=1)
    assert redeem(services, [used]) == ["redeemed"]
    changed = answer(services, person, "withdrawn")
    [left], [ended] = changed.irrevocable, changed.cancelled
    assert left["kind"] == ended["kind"] == "permit"
    assert (left["strategy"], left["state"], left["to"]) == ("curate", "redeemed", MARKETING.sub)
    assert left["at"] == "2026-11-22T09:00:00Z"
    assert (ended["strategy"], ended["state"]) == ("curate", "cancelled")
    for item, token in ((left, used), (ended, waiting)):
        assert read_decision_id(item["id"]) == read_token(services.index, token)
    assert redeem(services, [used, waiting]) == ["used", "purpose"]
    # Ended for good: a new yes is no yes to what was asked before the no.
    assert answer(services, person, "given").cancelled == []
    assert redeem(services, [used, waiting]) == ["used", "request"]
    # A change that forbids nothing of it names nothing.
    fresh = permit(services, person, number=2)
    assert redeem(services, [fresh]) == ["redeemed"]
    assert answer(services, person, "given").irrevocable == []


def test_a_second_withdrawal_names_what_left_again_but_not_for_ever(
    services: Services, person: UUID, clock: Clock
) -> None:
    assert redeem(services, [permit(services, person)]) == ["redeemed"]
    assert len(answer(services, person, "withdrawn").irrevocable) == 1
    clock.now += timedelta(hours=24)
    answer(services, person, "given")
    assert answer(services, person, "withdrawn").irrevocable == []
    assert purge_by_age(services)["permits"] == 1


def test_a_change_that_forbids_nothing_names_nothing(services: Services, person: UUID, clock: Clock) -> None:
    """Neither that the offer has ended nor that its own order has used up the mandate was her doing."""
    with services.unit(MARKETING) as unit:
        subject = lock_subject(unit, person)
        subject.choices.mandates = [
            StoredMandate("man_1", "*", "SEK", 50_000, NOW, max_spend_minor=10_000, spend_days=30)
        ]
        subject.choices.max_per_week = 2
        save_choices(unit, subject)
    ends = {"expires_at": "2026-11-22T09:05:00Z"}
    tokens = [permit(services, person, **ends), permit(services, person, number=1, **ends)]
    automatic = [permit(services, person, by=SCOPED, number=n, **SHIPPED) for n in (2, 3)]
    assert redeem(services, [tokens[0], automatic[0]], by=SCOPED) == ["redeemed", "redeemed"]
    assert redeem(services, automatic, by=SCOPED) == ["used", "mandate"]
    clock.now += timedelta(minutes=6)
    changed = answer(services, person, "given")
    assert (changed.cancelled, changed.irrevocable) == ([], [])
    # The mandate's order rests on another consent than the offer does.
    changed = answer(services, person, "withdrawn")
    assert [each["strategy"] for each in changed.irrevocable] == ["curate"]
    assert [each["strategy"] for each in changed.cancelled] == ["curate"]


def test_a_redeemed_permit_that_cannot_be_read_is_named_too(services: Services, person: UUID) -> None:
    token = permit(services, person)
    assert redeem(services, [token]) == ["redeemed"]
    with services.database.transaction() as db:
        db.execute("update permits set sealed = '\\x00'")
    [left] = answer(services, person, "withdrawn").irrevocable
    assert read_decision_id(left["id"]) == read_token(services.index, token)
    assert (left["strategy"], left["state"]) == (None, "redeemed")
    assert redeem(services, [token]) == ["used"]


def test_merging_ends_the_permits_of_both(services: Services, person: UUID) -> None:
    other = add_person(services).id
    tokens = [permit(services, person), permit(services, other), permit(services, other, number=1)]
    assert redeem(services, tokens[2:]) == ["redeemed"]
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        changed = merge_subjects(unit, other, person)
    assert [each["kind"] for each in changed.cancelled] == ["permit", "permit"]
    assert [each["to"] for each in changed.irrevocable] == [MARKETING.sub]
    assert redeem(services, tokens) == ["request", "request", "request"]


def test_erasure_leaves_no_permit(services: Services, person: UUID) -> None:
    tokens = [permit(services, person), permit(services, person, number=1)]
    assert redeem(services, tokens[:1]) == ["redeemed"]
    assert count(services, "select count(*) from permits") == 1
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        certificate = erase_subject(unit, lock_subject(unit, person))
    assert [each["state"] for each in certificate["irrevocable"]] == ["redeemed"]
    assert certificate["erased"]["permits"] == 2
    assert count(services, "select count(*) from permits") == 0
    assert redeem(services, tokens) == ["request", "request"]


def test_a_dump_holds_no_usable_permit(services: Services, person: UUID) -> None:
    """Neither a token nor its code, nor any digest of them, stands in any table."""
    tokens = [permit(services, person), permit(services, person, number=1)]
    assert redeem(services, tokens[:1]) == ["redeemed"]
    with services.database.connection() as db:
        tables = db.execute("select schemaname, tablename from pg_tables where schemaname !~ '^(pg_|inf)'")
        text = " ".join(
            str(db.execute(f'select * from "{schema}"."{table}"'.encode()).fetchall())
            for schema, table in tables.fetchall()
        )
    for token in tokens:
        assert token[4:] not in text
        assert token[-24:] not in text
    assert MARKETING.sub not in text


def test_after_a_withdrawal_was_answered_nothing_is_redeemed_that_it_did_not_name(
    services: Services, person: UUID
) -> None:
    """P1 in threads: whoever comes first, the answer of the withdrawal tells what became of every permit."""
    outcomes = {"redeemed": 0, "refused": 0}
    for number in range(ROUNDS):
        subject = add_person(services).id
        tokens = [permit(services, subject, number=n) for n in range(3)]
        heard: dict[str, Any] = {}
        # In turns either is given a head start, so that each order comes up.
        head_start = (number % 5 - 2) * 0.002

        def withdraw(
            subject: UUID = subject, heard: dict[str, Any] = heard, wait: float = head_start
        ) -> None:
            time.sleep(max(0.0, wait))
            heard["changed"] = answer(services, subject, "withdrawn")

        def client(
            tokens: list[str] = tokens, heard: dict[str, Any] = heard, wait: float = head_start
        ) -> None:
            time.sleep(max(0.0, -wait))
            heard["redeemed"] = [
                token for token in tokens for status in redeem(services, [token]) if status == "redeemed"
            ]

        _together((withdraw,), (client,))
        names = {read_token(services.index, token): token for token in tokens}
        changed = heard["changed"]
        listed = [names[read_decision_id(each["id"])] for each in changed.irrevocable]  # type: ignore[index]
        ended = [names[read_decision_id(each["id"])] for each in changed.cancelled]  # type: ignore[index]
        assert sorted(listed) == sorted(heard["redeemed"])
        assert sorted(listed + ended) == sorted(tokens)
        assert "redeemed" not in redeem(services, tokens)
        outcomes["redeemed"] += bool(listed)
        outcomes["refused"] += bool(ended)
    assert all(outcomes.values()), outcomes


@pytest.mark.parametrize("broken", ["nothing", "the lock", "the lock and the mark"])
def test_the_barrier_holds_by_lock_and_by_mark_and_by_nothing_else(
    services: Services, person: UUID, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A redeemer that pauses between its evaluation and its commit while the person withdraws. With the lock
    the withdrawal waits and names it. Without, its mark on the permit keeps the commit from happening; and
    without both the promise is broken, which shows that these tests would see it."""
    token = permit(services, person)
    evaluated, go_on = threading.Event(), threading.Event()
    really = module.record_contact

    def pausing(*args: Any) -> None:
        evaluated.set()
        assert go_on.wait(10)
        really(*args)

    monkeypatch.setattr(module, "record_contact", pausing)
    if broken != "nothing":
        monkeypatch.setattr(module, "lock_rows", lambda *_: None)
        # Keeping the decision locks as well; the window is before it.
        monkeypatch.setattr(module, "record_decisions", lambda *_: None)
    if broken == "the lock and the mark":
        monkeypatch.setattr(stop_permits, "settle_permit", lambda *_: None)
    heard: dict[str, Any] = {}

    def client() -> None:
        try:
            heard["status"] = redeem(services, [token])
        except UniqueViolation:
            heard["status"] = ["broke off"]

    redeemer = threading.Thread(target=client)
    customer = threading.Thread(target=lambda: heard.update(changed=answer(services, person, "withdrawn")))
    redeemer.start()
    assert evaluated.wait(10)
    customer.start()
    # Who waits for the lock waits longer than this; who does not is done long before.
    customer.join(0.5 if broken == "nothing" else 10)
    assert customer.is_alive() is (broken == "nothing")
    go_on.set()
    customer.join(10)
    redeemer.join(10)
    listed = [each["state"] for each in heard["changed"].irrevocable]
    assert (heard["status"], listed) == {
        "nothing": (["redeemed"], ["redeemed"]),
        "the lock": (["broke off"], []),
        "the lock and the mark": (["redeemed"], []),
    }[broken]
    assert contacts(services, person) == ([] if broken == "the lock" else ["app"])


def test_locks_are_taken_in_one_order(services: Services, person: UUID) -> None:
    """Clients that redeem for the same people in opposite orders, while these change their minds."""
    people = [person, *(add_person(services).id for _ in range(15))]
    batches = [[permit(services, each, number=n) for each in people] for n in range(3)]
    failures: list[BaseException] = []

    def client(tokens: list[str]) -> None:
        try:
            redeem(services, tokens)
        except BaseException as error:
            failures.append(error)

    def change() -> None:
        try:
            for each in people:
                answer(services, each, "given")
        except BaseException as error:
            failures.append(error)

    _together((client, batches[0]), (client, batches[1][::-1]), (client, batches[2]), (change,))
    assert failures == []
    assert all(contacts(services, each) == ["app"] * 3 for each in people)


def test_nobody_waits_in_a_circle_with_merges_and_jobs(services: Services, person: UUID) -> None:
    """Two redeem for everybody in opposite orders while people are merged and a job is answered."""
    people = [person, *(add_person(services).id for _ in range(23))]
    batches = [[permit(services, each, number=n) for each in people] for n in range(2)]
    asked = CandidateShape().load(offer())
    with services.unit(MARKETING) as unit:
        pairs = [Pair(each, asked, 100) for each in people[::-1]]
        job = submit_candidates(unit, Parts(pairs, pairs_per_chunk=8)).job
    failures: list[BaseException] = []
    answers: list[dict[str, str]] = []

    def merge() -> None:
        for one, other in zip(people[:8], people[-8:][::-1], strict=True):
            with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
                merge_subjects(unit, one, other)

    def chunks() -> None:
        for number in range(3):
            assert filter_chunk(services, job, number)

    def watched(work: Any, *more: Any) -> None:
        try:
            work(*more)
        except BaseException as error:
            failures.append(error)

    redeemers = [
        (watched, _redeem_into, services, tokens, answers) for tokens in (batches[0], batches[1][::-1])
    ]
    _together(*redeemers, (watched, merge), (watched, chunks))
    assert failures == []
    heard = [status for each in answers for status in each.values()]
    # Sixteen were merged: theirs is redeemed before, or not at all. Nobody stood in the way of the others.
    assert len(heard) == 48
    assert set(heard) <= {"redeemed", "request"}
    assert heard.count("redeemed") >= 2 * 8
    kept = [each for each in people if each not in {*people[:8], *people[-8:]}]
    assert all(contacts(services, each) == ["app", "app"] for each in kept)


def test_only_what_would_be_allowed_again_is_redeemed(services: Services, person: UUID) -> None:
    """Redeemed ⊆ allowed by evaluating again, over random people, offers and changes in between."""
    chance = random.Random(4)
    changes: list[dict[str, Any]] = [
        {"levels": {"*": "respond"}},
        {"objections": ["direct_marketing"]},
        {"channels": {"app": False, "email": False, "sms": True}},
        {"flags": {"open_complaint": None}},
        {"sharing": {}},
        {},
    ]
    seen = set()
    for _ in range(40):
        subject = add_person(services).id
        offers = [
            offer(
                n, channels=[chance.choice(["app", "email", "sms"])], sku=chance.choice(["cream", "shampoo"])
            )
            for n in range(4)
        ]
        tokens = permits(services, subject, *offers)
        with services.unit(MARKETING) as unit:
            locked = lock_subject(unit, subject)
            for name, value in chance.choice(changes).items():
                setattr(locked.choices, name, value)
            save_choices(unit, locked)
        for token in tokens:
            if token is None:
                continue
            name = read_token(services.index, token)
            assert name is not None
            with services.unit(MARKETING) as unit:
                row = read_decisions(unit.db, unit.keyring, name.row)
                decision = row.record.decision(name.place)
                assert decision is not None
                asked = replace(
                    row.record.candidates[name.place].to_candidate(),
                    strategy=decision.strategy,
                    channels=(decision.channel,),
                    fallback=False,
                )
                state = read_subject(unit, subject).state(unit.now)
                expected = evaluate(unit.policy, state, asked, unit.now).outcome
            [heard] = redeem(services, [token])
            seen.add(heard)
            assert (heard == "redeemed") == (expected is Outcome.allow)
    assert {"redeemed", "control", "purpose", "timing"} <= seen


def _redeem_into(services: Services, tokens: list[str], answers: list[dict[str, str]]) -> None:
    answers.append(dict(zip(tokens, redeem(services, tokens), strict=True)))


def _together(*calls: tuple[Any, ...]) -> None:
    threads = [threading.Thread(target=call[0], args=call[1:]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
