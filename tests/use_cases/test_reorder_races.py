"""Customers who answer everything at once while relays hand over, in threads, on a real database."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.actor import Actor
from service.bootstrap import Services, build_services
from service.errors import ConflictError, NotFoundError
from service.storage import reorders
from service.storage.reorder_states import NEXT
from service.storage.subjects import read_subject
from service.storage.unit import Unit
from service.use_cases import own_reorder
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.change_reorder import change_reorder
from service.use_cases.own_reorder import Answered
from service.use_cases.snooze_reorder import snooze_reorder
from tests.use_cases.outbox import Receiver, add_product, make_person, propose, relay_to, steps

ROUNDS = 30
Answer = Callable[[Unit, UUID], Answered]
ANSWERS: dict[str, Answer] = {
    "approve": approve_reorder,
    "cancel": cancel_reorder,
    "skip": skip_reorder,
    "change": lambda unit, reorder: change_reorder(unit, reorder, 2),
    "snooze": lambda unit, reorder: snooze_reorder(unit, reorder, days=3),
    "approve again": approve_reorder,
}


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
    """One person who answers a reminder in every way at once, with two relays at work."""

    def __init__(self, services: Services, seed: int) -> None:
        self.services, self.lot = services, random.Random(seed)
        self.receiver = Receiver()
        self.person = make_person(services, channels=("app",))
        self.reorder = propose(services, self.person, channels=("app",))
        self.answers: dict[str, Answered] = {}
        self.refused: dict[str, str] = {}
        self.lost: list[str] = []

    def run(self) -> None:
        stop = threading.Event()
        names = self.lot.sample(sorted(ANSWERS), len(ANSWERS))
        with ThreadPoolExecutor(len(names) + 2) as pool:
            relays = [
                pool.submit(relay_to(self.services, self.receiver, threads=2).run, stop) for _ in range(2)
            ]
            try:
                for each in [pool.submit(self.answer, name, self.lot.uniform(0, 0.05)) for name in names]:
                    each.result()
                time.sleep(0.1)
            finally:
                stop.set()
            for each in relays:
                each.result()

    def answer(self, name: str, after: float) -> None:
        time.sleep(after)
        customer = Actor("customer-1", frozenset({"customer"}), subject=self.person)
        try:
            with self.services.unit(customer) as unit:
                answered = ANSWERS[name](unit, self.reorder)
            self.answers[name] = answered
        except ConflictError as refused:
            self.refused[name] = refused.members["state"]
        except NotFoundError:
            # Its history does not hold together any more, so nobody is shown it.
            self.lost.append(name)

    def faults(self) -> list[str]:
        histories = steps(self.services, self.person)
        if not histories or self.lost:
            return ["the history does not hold together"]
        [history] = histories
        orders = [p for p in self.receiver.parcels if p.kind == "reorder.dispatched"]
        found = [
            f"{before} became {after}"
            for (before, _), (after, _) in itertools.pairwise(history)
            if after not in NEXT[before]
        ]
        counted = Counter(state for state, _ in history)
        if len(orders) != counted["dispatched"] or len(orders) > 1:
            found.append(f"{len(orders)} orders arrived of {counted['dispatched']}")
        # An order says what the reorder said when it was approved.
        quantity = 2 if any(reason == "changed" for _, reason in history) else 1
        if any(order.content["quantity"] != quantity for order in orders):
            found.append("another quantity was ordered than was agreed")
        for name, state in (("approve", "approved"), ("cancel", "cancelled"), ("skip", "skipped")):
            said = sum(name == each.split()[0] for each in self.answers)
            if said != counted[state]:
                found.append(f"{said} were told {state}, and {counted[state]} were")
        if {"cancel", "skip"} & self.answers.keys() and orders:
            found.append("an order arrived that was stopped")
        return found


def test_every_answer_at_once(wide: Services) -> None:
    add_product(wide)
    ends: Counter[str] = Counter()
    for seed in range(ROUNDS):
        play = Play(wide, seed)
        play.run()
        assert play.faults() == [], seed
        ends[steps(wide, play.person)[0][-1][0]] += 1
    # The play is worth something only if it ends in more than one way.
    assert len(ends) > 1, ends


def test_the_judge_finds_fault_when_nothing_is_guarded(
    wide: Services, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers without the lock on the person, the state in the statement, and the number that no two steps
    share."""

    def answer_slowly(*args: Any, **named: Any) -> Any:
        held = real(*args, **named)
        time.sleep(0.02)
        return held

    real = own_reorder.read_reorder
    monkeypatch.setattr(own_reorder, "lock_subject", read_subject)
    monkeypatch.setattr(own_reorder, "read_reorder", answer_slowly)
    careful = reorders._SQL["move_reorder"]
    careless = careful.replace(
        b"and state = %(from)s and steps = %(number)s - 1", b"and %(from)s::text <> ''"
    )
    assert careless != careful
    monkeypatch.setattr(reorders, "_SQL", {**reorders._SQL, "move_reorder": careless})
    with psycopg.connect(database) as owner:
        owner.execute("alter table reorder_steps drop constraint reorder_steps_pkey")
    add_product(wide)
    for seed in range(ROUNDS):
        play = Play(wide, seed)
        try:
            play.run()
        except psycopg.errors.DeadlockDetected:
            # Nobody waits for the person's lock first. That is not what the judge is to see.
            continue
        if play.faults():
            return
    pytest.fail("without a guard nothing went wrong: the judge sees nothing")
