"""Withdrawals while relays hand over, in threads, on a real database: what the answers say is what happened.

The judge looks at answers and at the receiver alone, never at our tables. That it can find fault is shown by
taking the lock away.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from service.actor import system_actor
from service.bootstrap import Services, build_services
from service.policy import Level
from service.storage import subjects
from service.storage.subjects import lock_subject
from service.use_cases import claim_message as claims
from service.use_cases.erase_subject import erase_subject
from tests.use_cases.outbox import (
    Receiver,
    contacts,
    make_person,
    propose_in,
    relay_to,
    withdraw,
)

ROUNDS = 40
GOODS = ("soap", "comb", "towel")
RELAYS = 3


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["contact_caps"] = []
    return policy_document


@pytest.fixture
def wide(services: Services) -> Iterator[Services]:
    """The same installation with room for every thread."""
    found = build_services(services.config, pool_size=24, clock=services.clock)
    yield found
    found.close()


class Play:
    """One person with three reminders to come, relays at work, and a withdrawal in the middle."""

    def __init__(self, services: Services, seed: int) -> None:
        self.services = services
        self.lot = random.Random(seed)
        self.receiver = Receiver(takes=0.002)
        self.person = make_person(services, channels=("app",))
        self.answered_at = 0.0
        self.cancelled: list[dict[str, Any]] = []
        self.irrevocable: list[dict[str, Any]] = []

    def run(self) -> None:
        with self.services.unit(system_actor("propose-reorders")) as unit:
            for sku in GOODS:
                propose_in(unit, self.person, strategy=Level.coach.name, channels=("app",), sku=sku)
        stop = threading.Event()
        with ThreadPoolExecutor(RELAYS + 1) as pool:
            relays = [
                pool.submit(relay_to(self.services, self.receiver, threads=2).run, stop)
                for _ in range(RELAYS)
            ]
            try:
                time.sleep(self.lot.uniform(0, 0.08))
                self.cancelled, self.irrevocable = withdraw(self.services, self.person)
                self.answered_at = time.monotonic()
                time.sleep(0.1)
            finally:
                stop.set()
            for each in relays:
                each.result()

    def faults(self) -> list[str]:
        keys = [parcel.key for parcel in self.receiver.parcels]
        listed = {each["id"] for each in self.irrevocable}
        stopped = {each["id"] for each in self.cancelled if each["kind"] == "reminder"}
        found = [f"{key} came twice" for key in set(keys) if keys.count(key) > 1]
        found += [f"{key} came though it was cancelled" for key in stopped & set(keys)]
        late = {parcel.key for at, parcel in self.receiver.got if at > self.answered_at}
        found += [f"{key} came after an answer that did not list it" for key in late - listed]
        found += [f"{key} came and is in neither list" for key in set(keys) - listed - stopped]
        if listed != set(keys):
            found.append("what is listed as irrevocable is not what came")
        if len(listed | stopped) != len(GOODS):
            found.append("not every message is accounted for")
        return found


def test_withdrawals_and_hand_overs_in_any_order(wide: Services) -> None:
    some_left = some_stopped = 0
    for seed in range(ROUNDS):
        play = Play(wide, seed)
        play.run()
        assert play.faults() == [], seed
        assert len(contacts(wide, play.person)) == len(play.receiver.got)
        some_left += bool(play.irrevocable)
        some_stopped += len([e for e in play.cancelled if e["kind"] == "reminder"]) > 0
    # The play is worth something only if the withdrawal came before, between and after.
    assert some_left > ROUNDS // 10
    assert some_stopped > ROUNDS // 10


def test_the_judge_finds_fault_when_the_lock_is_gone(wide: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    without = {**subjects._SQL, "lock_subjects": subjects._SQL["read_subjects"]}
    monkeypatch.setattr(subjects, "_SQL", without)
    real = claims.record_decisions

    def slowly(*args: Any, **named: Any) -> Any:
        kept = real(*args, **named)
        time.sleep(0.02)
        return kept

    monkeypatch.setattr(claims, "record_decisions", slowly)
    faults: list[str] = []
    for seed in range(ROUNDS):
        play = Play(wide, seed)
        try:
            play.run()
        except Exception:
            continue
        faults += play.faults()
        if faults:
            return
    pytest.fail("without the lock nothing went wrong: the judge sees nothing")


def test_two_relays_race_for_one_message(wide: Services) -> None:
    for _ in range(20):
        person, receiver = make_person(wide, channels=("app",)), Receiver()
        with wide.unit(system_actor("propose-reorders")) as unit:
            propose_in(unit, person, strategy="coach", channels=("app",), sku="soap")
        with wide.database.connection() as db:
            row = db.execute("select id from outbox where state = 'queued'").fetchone()
        assert row is not None
        # Both have picked it, as after a pick that took longer than its time.
        relays = [relay_to(wide, receiver) for _ in range(4)]
        _at_once([partial(relay._hand_over, (row[0], person, False)) for relay in relays])
        assert len(receiver.got) == 1
        assert len(contacts(wide, person)) == 1


def test_erasures_race_with_hand_overs(wide: Services) -> None:
    for _ in range(15):
        person, receiver = make_person(wide, channels=("app",)), Receiver(takes=0.002)
        with wide.unit(system_actor("propose-reorders")) as unit:
            for sku in GOODS:
                propose_in(unit, person, strategy="coach", channels=("app",), sku=sku)
        _, (certificate, answered_at) = _at_once(
            [relay_to(wide, receiver).hand_over_due, partial(_erase, wide, person)]
        )
        listed = {each["id"] for each in certificate["irrevocable"]}
        late = {parcel.key for at, parcel in receiver.got if at > answered_at}
        assert late <= listed
        assert relay_to(wide, receiver).hand_over_due() == 0


def _erase(services: Services, person: UUID) -> tuple[dict[str, Any], float]:
    """The certificate, and when it was answered."""
    time.sleep(random.uniform(0, 0.05))
    with services.unit(system_actor("dpo")) as unit:
        certificate = erase_subject(unit, lock_subject(unit, person))
    return certificate, time.monotonic()


def _at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    begin = threading.Barrier(len(calls))

    def call(each: Callable[[], Any]) -> Any:
        begin.wait()
        return each()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call, each) for each in calls]]
