"""A month of cough tablets: six customers, a clock that runs a day at a time, and a shop that takes orders.

Everything goes through the use cases and the relay of the service, on a throw-away database; only what lies
outside it is played here: the customers, the pharmacist, the shop's order endpoint, the mail gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.actor import Actor, show_subject, system_actor
from service.bootstrap import Services
from service.embedded.demo.customer import Customer
from service.embedded.demo.files import demo_policy, read_data
from service.embedded.demo.goods import catalogue
from service.embedded.demo.live import Clockwork, Lived, live, live_on
from service.embedded.demo.people import customer
from service.embedded.scratch import Clock, scratch
from service.explanations import explain_outcome
from service.explanations.amounts import show_money
from service.ids import REORDER, read
from service.senders import Fate, Parcel, Sent
from service.senders.letter import letter_of
from service.storage.asked import AskedCandidate
from service.storage.database import Connection
from service.storage.policies import publish_policy
from service.storage.reorders import find_subject
from service.storage.subjects import read_subject
from service.storage.unit import Unit
from service.use_cases.answer_reorder import approve_reorder, skip_reorder
from service.use_cases.decide import decide
from service.use_cases.list_reorders import list_reorders
from service.use_cases.list_reviews import list_reviews
from service.use_cases.propose_reorders import propose_reorders
from service.use_cases.put_product import put_product
from service.use_cases.relay import Relay
from service.use_cases.release_held import release_held
from service.use_cases.review_reorder import ReviewReorder, review_reorder
from service.use_cases.store_signals import NewSignal, store_signals

DAYS = 28
_ASKED_ON = 2
_TABLETS = "OTC-BROM-50"
_OPENED = timedelta(days=300)
_DAY = timedelta(days=1)
_AT_ONCE = 20
_SHOP = Actor("shop", frozenset({"shop"}))
_PHARMACIST = Actor("pharmacist", frozenset({"pharmacist"}))
_NONE_BEFORE = UUID(int=0)
_VERBS: Mapping[str, Callable[[Unit, UUID], Any]] = {"approve": approve_reorder, "skip": skip_reorder}
_Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """`by`: who did it, `shop`, `letter`, `customer`, `pharmacist` or `service`; `text` in the customer's
    language where she reads it, else in English."""

    day: int
    at: datetime
    who: str
    by: str
    text: str


@dataclass(slots=True)
class _Player:
    """One customer, what she has heard, and how much of her reorders' history has been told."""

    entry: _Entry
    customer: Customer
    lived: Lived
    plans: list[tuple[datetime, str, UUID]] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        name: str = self.entry["key"]
        return name


class _Outside:
    """The mail gateway and the shop's order endpoint: they take everything, and keep it for the day."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    def send(self, parcel: Parcel) -> Sent:
        self.parcels.append(parcel)
        return Sent(Fate.delivered)


def play_month(start: datetime) -> list[Event]:
    """Play from the day of `start` on; what happened, in order. Takes some seconds. Raises StartError."""
    clock = Clock(start)
    with scratch(clock) as services:
        return _Month(services, clock, start).play()


class _Month:
    def __init__(self, services: Services, clock: Clock, start: datetime) -> None:
        self._services, self._clock, self._start = services, clock, start
        self._outside = _Outside()
        routes = ("email", "inbox", "order", "webhook")
        self._relay = Relay(services, dict.fromkeys(routes, self._outside), threads=1)
        self._events: list[Event] = []
        self._open()
        self._players = [self._enter(entry) for entry in read_data("month")]

    def play(self) -> list[Event]:
        for day in range(DAYS):
            self._clock.at = self._start + day * _DAY
            if day == _ASKED_ON:
                for player in self._players:
                    self._ask(player)
            for player in self._players:
                self._live(player)
                self._answer(player)
            self._scan()
            self._relay.hand_over_due()
            self._review()
            release_held(self._services, _AT_ONCE)
            self._relay.hand_over_due()
            self._hear()
            for player in self._players:
                self._tell(player)
        return self._events

    def _open(self) -> None:
        with self._services.database.transaction() as db:
            publish_policy(db, demo_policy().document, self._start - _OPENED)
        with self._services.unit(_SHOP) as unit:
            for good in catalogue().values():
                put_product(unit, good.as_product())

    def _enter(self, entry: _Entry) -> _Player:
        """Register her and live what lies before the month."""
        who = customer(entry, self._start)
        past = replace(who, steps=tuple(step for step in who.steps if step.at < self._start))
        with self._services.database.transaction() as db:
            return _Player(entry, who, live(self._clockwork(db), past))

    def _ask(self, player: _Player) -> None:
        """The shop would like to order for everybody; what it hears instead is what each permits at most."""
        subject = player.lived.subject
        channels = tuple(demo_policy().channels)
        asked = AskedCandidate("refill", "replenishment", "automate", _TABLETS, channels, (), 1)
        answered = decide(self._services, _SHOP, subject, [asked])
        decision, candidate = answered.decisions[0].to_dict(), {"programme": "replenishment"}
        locale, timezone = player.entry["locale"], player.entry["timezone"]
        said = explain_outcome(decision, demo_policy(), locale, timezone=timezone, candidate=candidate)
        self._note(player, "service", f"“May we order for her?” {said}")

    def _live(self, player: _Player) -> None:
        """What she does today by herself."""
        since = max(self._clock.at - _DAY, self._start)
        today = [step for step in player.customer.steps if since <= step.at < self._clock.at]
        if today:
            with self._services.database.transaction() as db:
                live_on(self._clockwork(db), player.customer, player.lived, today)

    def _answer(self, player: _Player) -> None:
        """Press what she means to press by now."""
        due = [plan for plan in player.plans if plan[0] <= self._clock.at]
        player.plans = [plan for plan in player.plans if plan not in due]
        for _, verb, reorder in due:
            herself = Actor(player.key, frozenset({"customer"}), subject=player.lived.subject)
            with self._services.unit(herself) as unit:
                _VERBS[verb](unit, reorder)
            self._note(player, "customer", f"presses “{verb}”")

    def _scan(self) -> None:
        looked = _AT_ONCE
        while looked == _AT_ONCE:
            with self._services.unit(system_actor("propose-reorders")) as unit:
                looked = propose_reorders(unit, _AT_ONCE).looked

    def _review(self) -> None:
        """The pharmacist looks at every order of a medicine, and finds nothing against it."""
        with self._services.unit(_PHARMACIST) as unit:
            waiting, _ = list_reviews(unit, _NONE_BEFORE, _AT_ONCE, "demo month")
            for case in waiting:
                review_reorder(unit, read(REORDER, case["reorder"]), ReviewReorder("approved"))
        for case in waiting:
            who = self._whose(read(REORDER, case["reorder"]))
            self._note(who, "pharmacist", f"approves {case['quantity']} x {case['product']}")

    def _whose(self, reorder: UUID) -> _Player:
        with self._services.unit(_PHARMACIST) as unit:
            subject = find_subject(unit, reorder)
        return next(player for player in self._players if player.lived.subject == subject)

    def _hear(self) -> None:
        """What left today: letters are read, and an order is packed."""
        parcels, self._outside.parcels = self._outside.parcels, []
        for parcel in parcels:
            player = next((p for p in self._players if show_subject(p.lived.subject) == parcel.subject), None)
            if player is None:
                continue
            if parcel.route == "order":
                self._pack(player, parcel)
            else:
                letter = letter_of(parcel, None)
                self._note(player, "letter", f"{letter.subject}: {letter.lines[0].text}")
                self._plan(player, parcel)

    def _plan(self, player: _Player, parcel: Parcel) -> None:
        for answer in player.entry.get("does", ()):
            if answer["after"] == parcel.kind:
                at = self._clock.at + timedelta(days=answer.get("days", 1))
                player.plans.append((at, answer["does"], read(REORDER, parcel.content["reorder"])))

    def _pack(self, player: _Player, parcel: Parcel) -> None:
        """The shop sells it to her, and the parcel arrives."""
        content = parcel.content
        price = show_money(content["price_minor"], content["currency"], "en")
        self._note(player, "shop", f"receives {content['quantity']} x {content['product']}, {price}")
        good = catalogue()[content["sku"]]
        data = {
            "sku": good.sku,
            "quantity": content["quantity"],
            "price_minor": good.price_minor,
            "currency": good.currency,
            "pack_size": good.pack_size,
        }
        sold = NewSignal(player.lived.subject, "purchase", self._clock.at, data, parcel.key)
        with self._services.unit(_SHOP) as unit:
            store_signals(unit, [sold])

    def _tell(self, player: _Player) -> None:
        """What is new in the history of her reorders."""
        with self._services.unit(system_actor("demo")) as unit:
            reorders = list_reorders(unit, read_subject(unit, player.lived.subject))
        for reorder in reversed(reorders):
            known = player.told.get(reorder["id"], 0)
            for step in reorder["history"][known:]:
                self._note(player, "service", f"{step['state']} ({step['reason']})")
            player.told[reorder["id"]] = len(reorder["history"])

    def _note(self, player: _Player, by: str, text: str) -> None:
        at = self._clock.at
        self._events.append(Event((at - self._start).days, at, player.key, by, text))

    def _clockwork(self, db: Connection) -> Clockwork:
        return Clockwork(self._services, db, self._services.policies.in_force(db))
