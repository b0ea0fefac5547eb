"""Whatever happens to reorders, in whatever order: random walks over the whole flow, on a real database.

A walk is decided by its seed, so one that fails is played again by it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from service.bootstrap import Services
from service.errors import ConflictError, InvalidInputError
from service.ids import REORDER, read, show
from service.senders import Fate, Parcel, Sent
from service.storage.outbox import requeue
from service.storage.reorder_states import FIRST, NEXT
from service.storage.reorders import Reorder, read_reorders
from service.storage.subjects import lock_subject, read_subject
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.change_reorder import change_reorder
from service.use_cases.check_notice import LEAST_NOTICE
from service.use_cases.have_plenty import have_plenty
from service.use_cases.own_reorder import Answered
from service.use_cases.propose_reorders import propose_reorders
from service.use_cases.repeat_order import RepeatOrder, repeat_order
from service.use_cases.review_reorder import ReviewReorder, review_reorder
from service.use_cases.snooze_reorder import snooze_reorder
from service.use_cases.store_signals import NewSignal, store_signals
from service.use_cases.withdraw_from_contract import withdraw_from_contract
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    AUTOMATIC,
    REMINDERS,
    Receiver,
    at_instant,
    deliver,
    entries,
    make_person,
    propose,
    withdraw,
)
from tests.use_cases.test_holds import DAY, HOUR, WEEK, customer, look, sell, system_actor, tell
from tests.use_cases.test_reviews import pharmacist

GOODS = {"soap": "beauty", "pill": "paper"}
FATES = (*[Fate.delivered] * 5, Fate.retry, Fate.refused, Fate.unknown)
PAUSES = (timedelta(minutes=5), HOUR, 6 * HOUR, DAY, 3 * DAY, WEEK)
ENDED = ("skipped", "cancelled")


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["contact_caps"] = []
    policy_document["signals"]["delivered"] = {"data": "purchases"}
    policy_document["categories"]["paper"] = {"review": "pharmacist"}
    policy_document["suppressions"] = {
        "travelling": {"max": "coach", "programmes": ["replenishment"]},
        "bereavement": {"max": "respond"},
    }
    return policy_document


class Post(Receiver):
    """Answers by lot, and remembers when, in the walk's time."""

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self.walk = walk
        self.sent: list[tuple[datetime, Parcel, Fate]] = []

    def send(self, parcel: Parcel) -> Sent:
        fate = self.walk.lot.choice(FATES)
        self.walk.check_hand_over(parcel)
        if self.walk.lot.random() < 0.2:
            # Something happens while the attempt is under way.
            self.walk.play(self.walk.lot.choice(self.walk.answers))
        self.sent.append((self.walk.now, parcel, fate))
        return Sent(fate)


class Walk:
    """One person and two products; `steps` things happen to them."""

    def __init__(self, services: Services, seed: int) -> None:
        self.services, self.lot, self.now = services, random.Random(seed), NOW
        self.approvals: dict[str, set[tuple[str, int]]] = {}
        self.withdrawn: set[str] = set()
        self.post = Post(self)
        self.level = self.lot.choice(("coach", "automate", "automate"))
        for sku, category in GOODS.items():
            sell(services, sku, category=category, usual_per_day=1.0)
        self.person = make_person(services, self.level, channels=("app", "email"))
        self.answers: list[Callable[[], object]] = [
            lambda: self._answer(approve_reorder),
            lambda: self._answer(approve_reorder),
            lambda: self._answer(self.lot.choice((skip_reorder, cancel_reorder, have_plenty))),
            lambda: self._answer(lambda unit, name: change_reorder(unit, name, self.lot.randint(1, 3))),
            lambda: self._answer(lambda unit, name: snooze_reorder(unit, name, days=self.lot.randint(1, 20))),
            self._review,
            self._review,
            self._review,
            self._withdraw,
        ]
        self.events: list[Callable[[], object]] = [
            *self.answers,
            self._propose,
            self._propose,
            self._repeat,
            lambda: deliver(services, self.post, self.now),
            lambda: deliver(services, self.post, self.now),
            lambda: deliver(services, self.post, self.now),
            lambda: look(services, self.now),
            lambda: look(services, self.now),
            self._scan,
            self._goods,
            self._goods,
            self._situation,
            self._redeliver,
            self._parcel,
        ]

    def run(self, steps: int) -> None:
        for number in range(steps):
            if self.lot.random() < 0.5:
                self.now += self.lot.choice(PAUSES)
            self.play(self.lot.choice(self.events))
            if number % 10 == 9:
                self.check()
        # The choices end, and then nothing of ours may go: only what the person ordered.
        if self.lot.random() < 0.5:
            withdraw(self.services, self.person, self.lot.choice((AUTOMATIC, REMINDERS)), self.now)
        for _ in range(4):
            self.now += DAY
            look(self.services, self.now)
            deliver(self.services, self.post, self.now)
        self.check()

    def play(self, event: Callable[[], object]) -> None:
        # Not now: whoever asks is told so.
        with suppress(ConflictError, InvalidInputError):
            event()

    def reorders(self) -> list[Reorder]:
        with at_instant(self.services, self.now).unit(system_actor("test")) as unit:
            return read_reorders(unit, read_subject(unit, self.person))

    def check_hand_over(self, parcel: Parcel) -> None:
        """At the moment at which an attempt is made."""
        if parcel.kind != "reorder.dispatched":
            return
        name = str(parcel.content["reorder"])
        found = next(each for each in self.reorders() if show(REORDER, each.id) == name)
        assert found.details is not None
        assert name not in self.withdrawn
        said, details = parcel.content, found.details
        assert (said["sku"], said["quantity"]) == (details.candidate.sku, details.candidate.quantity)
        assert found.state == "dispatched"
        if details.candidate.sku == "pill":
            assert ("pill", said["quantity"]) in self.approvals.get(name, set())
        if details.strategy == "automate":
            notices = [
                at
                for at, told, fate in self.post.sent
                if told.content.get("reorder") == name
                and told.kind == "reorder.announced"
                and fate is Fate.delivered
            ]
            first = next(step.at for step in details.history if step.state == "dispatched")
            assert any(at + LEAST_NOTICE <= first for at in notices)
        else:
            assert any(step.state == "approved" for step in details.history)

    def check(self) -> None:
        keys: dict[str, set[str]] = {}
        for _, parcel, _ in self.post.sent:
            if parcel.kind == "reorder.dispatched":
                keys.setdefault(str(parcel.content["reorder"]), set()).add(parcel.key)
        # One order for each reorder: further attempts have the same key, by which the shop knows them.
        assert all(len(each) == 1 for each in keys.values()), keys
        cycles = Counter[str]()
        for reorder in self.reorders():
            # It opens, with all of its steps.
            assert reorder.details is not None
            said = [step.state for step in reorder.details.history]
            assert len(said) == reorder.steps
            assert said[-1] == reorder.state
            assert said[0] in FIRST
            assert all(later in NEXT[earlier] for earlier, later in pairwise(said)), said
            ends = [place for place, state in enumerate(said) if state in ENDED]
            assert ends in ([], [len(said) - 1])
            if show(REORDER, reorder.id) in keys:
                cycles[reorder.details.cycle] += 1
        assert all(count == 1 for count in cycles.values()), cycles

    def _one(self) -> UUID:
        """Rather one of those that somebody can still do something about."""
        found = self.reorders()
        if not found:
            raise ConflictError("there is none")
        alive = [each for each in found if each.state not in ENDED]
        return self.lot.choice(alive or found).id

    def _answer(self, answer: Callable[..., object]) -> None:
        name = self._one()
        with customer(self.services, self.person, self.now) as unit:
            done = answer(unit, name)
        assert not isinstance(done, Answered) or done.state in NEXT

    def _review(self) -> None:
        name = self._one()
        with pharmacist(self.services, self.now) as unit:
            row = unit.db.execute("select 1 from reviews where reorder = %s", (name,)).fetchone()
            if row is None:
                return
            outcome = self.lot.choice(("approved", "approved", "rejected"))
            content = review_reorder(unit, name, ReviewReorder(outcome)).content
        assert content is not None
        if outcome == "approved":
            self.approvals.setdefault(show(REORDER, name), set()).add((content.sku, content.quantity))

    def _withdraw(self) -> None:
        if self.lot.random() < 0.7:
            return
        name = self._one()
        with customer(self.services, self.person, self.now) as unit:
            done = withdraw_from_contract(unit, name, "Aino", None)
        if done.withdrawal.outcome == "accepted":
            self.withdrawn.add(show(REORDER, name))

    def _propose(self) -> None:
        sku = self.lot.choice(sorted(GOODS))
        strategy = self.lot.choice(("coach", self.level, self.level))
        propose(
            self.services,
            self.person,
            strategy=strategy,
            sku=sku,
            category=GOODS[sku],
            at=self.now,
            channels=("app", "email"),
        )

    def _repeat(self) -> None:
        sku = self.lot.choice(sorted(GOODS))
        with customer(self.services, self.person, self.now) as unit:
            made = repeat_order(unit, self.person, RepeatOrder(sku=sku, quantity=self.lot.randint(1, 2)))
        assert read(REORDER, made["id"])

    def _scan(self) -> None:
        with at_instant(self.services, self.now).unit(system_actor("propose-reorders")) as unit:
            unit.db.execute("update subjects set forecast_due = %s", (self.now,))
            propose_reorders(unit, 10)

    def _goods(self) -> None:
        sku = self.lot.choice(sorted(GOODS))
        usual = [{"stock": 9}, {"price_minor": 500}] * 2
        change = self.lot.choice([{"stock": 0}, {"price_minor": 600}, *usual])
        sell(self.services, sku, at=self.now, **change)

    def _situation(self) -> None:
        if self.lot.random() < 0.5:
            return
        name = self.lot.choice(("travelling", "travelling", "travelling", "bereavement"))
        # The same is said of one instant once.
        self.now += timedelta(seconds=1)
        tell(self.services, self.person, name, self.now + self.lot.choice((HOUR, 4 * DAY)), self.now)

    def _redeliver(self) -> None:
        parked = [entry for entry in entries(self.services, self.person) if entry.state == "parked"]
        if parked:
            with self.services.database.transaction() as db:
                requeue(db, self.lot.choice(parked).id, self.now)

    def _parcel(self) -> None:
        left = [each for each in self.reorders() if each.state in ("dispatched", "failed") and each.details]
        if not left:
            return
        reorder = self.lot.choice(left)
        assert reorder.details is not None
        data = {"sku": reorder.details.candidate.sku, "quantity": 1, "order": show(REORDER, reorder.id)}
        with at_instant(self.services, self.now).unit(system_actor("shop")) as unit:
            lock_subject(unit, self.person)
            store_signals(unit, [NewSignal(self.person, "delivered", self.now, data, f"{reorder.id}")])


def walk(services: Services, seed: int, steps: int) -> Walk:
    played = Walk(services, seed)
    try:
        played.run(steps)
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise
    return played


@pytest.mark.parametrize("seed", range(2))
def test_every_walk_keeps_the_promises(services: Services, seed: int) -> None:
    walk(services, seed, 100)


@pytest.mark.whole
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_long_walks_keep_the_promises(services: Services, seed: int) -> None:
    walk(services, seed, 150)
