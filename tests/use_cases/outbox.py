"""What the tests of the barrier share: people with proposed reorders, and a receiver that remembers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.actor import Actor, system_actor
from service.bootstrap import Services
from service.ids import REORDER, new_id, new_subject_id, show
from service.policy import Candidate, Level
from service.senders import Fate, Parcel, Sent
from service.storage.choices import Choices, StoredConsent, StoredMandate
from service.storage.identifiers import add_identifier, hold_identifiers
from service.storage.outbox import Entry, read_outstanding
from service.storage.reorders import ReorderDetails, StoredRunOut, insert_reorder, read_reorders, step
from service.storage.subjects import create_subject, lock_subject, read_subject, save_choices
from service.storage.unit import Unit
from service.use_cases.announcement import announcement
from service.use_cases.queue_message import queue_message
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import Identifier
from service.use_cases.relay import Relay
from tests.use_cases.conftest import NOW

REMINDERS, AUTOMATIC = "replenishment_reminders", "automatic_reorder"
ROUTES = ("email", "inbox", "sms", "order", "webhook")
LONG_AGO = NOW - timedelta(days=400)


@dataclass
class Receiver:
    """Answers by `fates`, one for each attempt and then the last for ever, after `takes` seconds."""

    fates: list[Sent] = field(default_factory=lambda: [Sent(Fate.delivered)])
    takes: float = 0.0
    got: list[tuple[float, Parcel]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, parcel: Parcel) -> Sent:
        with self._lock:
            self.got.append((time.monotonic(), parcel))
            sent = self.fates[min(len(self.got), len(self.fates)) - 1]
        time.sleep(self.takes)
        return sent

    @property
    def parcels(self) -> list[Parcel]:
        return [parcel for _, parcel in self.got]


def relay_to(services: Services, receiver: Receiver, at: datetime = NOW, threads: int = 4) -> Relay:
    return Relay(at_instant(services, at), dict.fromkeys(ROUTES, receiver), threads=threads)


def at_instant(services: Services, at: datetime) -> Services:
    return replace(services, clock=lambda: at)


def deliver(services: Services, receiver: Receiver, at: datetime = NOW) -> list[Parcel]:
    """What a relay hands over at `at`."""
    before = len(receiver.got)
    relay_to(services, receiver, at).hand_over_due()
    return receiver.parcels[before:]


def make_person(services: Services, level: str = "coach", channels: Iterable[str] = ("email",)) -> UUID:
    """Agreed to everything that replenishment asks for, and has a wide mandate."""
    given = StoredConsent("given", NOW, explicit=True, notice_version=2)
    choices = Choices(
        timezone="Europe/Stockholm",
        locale="sv",
        country="SE",
        consents={REMINDERS: given, AUTOMATIC: given},
        sharing={"purchases": True, "usage": True},
        levels={"*": level},
        channels=dict.fromkeys(channels, True),
        mandates=[StoredMandate("man_1", "*", "SEK", 10_000, NOW)],
    )
    name = new_subject_id()
    address = f"{name.hex}@example.se"
    with services.unit(Actor("shop-1", frozenset({"shop"}))) as unit:
        hold_identifiers(unit, [Identifier("email", address)])
        add_identifier(unit, create_subject(unit, name, choices), "email", address)
    return name


def propose(
    services: Services,
    person: UUID,
    *,
    strategy: str = "coach",
    channels: tuple[str, ...] = ("email",),
    sku: str = "soap",
    data: tuple[str, ...] = ("purchases",),
    at: datetime = NOW,
    quantity: int = 1,
    category: str = "beauty",
) -> UUID:
    """A reorder and the message that says it, as the scan makes them."""
    with at_instant(services, at).unit(system_actor("propose-reorders")) as unit:
        return propose_in(
            unit,
            person,
            strategy=strategy,
            channels=channels,
            sku=sku,
            data=data,
            quantity=quantity,
            category=category,
        )


def propose_in(
    unit: Unit,
    person: UUID,
    *,
    strategy: str,
    channels: tuple[str, ...],
    sku: str,
    data: tuple[str, ...] = ("purchases",),
    quantity: int = 1,
    category: str = "beauty",
) -> UUID:
    subject = lock_subject(unit, person)
    name = new_id()
    candidate = Candidate(
        id=show(REORDER, name),
        programme="replenishment",
        strategy=Level[strategy],
        category=category,
        sku=sku,
        channels=channels,
        data=data,
        quantity=quantity,
        price_minor=500,
        currency="SEK",
    )
    run_out = StoredRunOut(unit.now, unit.now, unit.now)
    history = [step(unit, "proposed", "run_out")]
    details = ReorderDetails(
        candidate, sku.title(), strategy, channels[0], run_out, "dec_none", [], name.hex, history
    )
    assert insert_reorder(unit, subject, name, name.hex, details)
    queue_message(unit, subject, announcement(details), unit.now)
    return name


def add_product(services: Services, sku: str = "soap", price: int = 500, stock: int | None = None) -> None:
    with services.database.transaction() as db:
        db.execute(
            "insert into products (sku, category, name, pack_size, price_minor, currency, stock, updated_at)"
            " values (%s, 'beauty', %s, 30, %s, 'SEK', %s, now())"
            " on conflict (sku) do update set price_minor = excluded.price_minor, stock = excluded.stock",
            (sku, sku.title(), price, stock),
        )


def withdraw(
    services: Services, person: UUID, purpose: str = REMINDERS, at: datetime = NOW
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(cancelled, irrevocable) of the committed answer."""
    customer = Actor("customer-1", frozenset({"customer"}), subject=person)
    with at_instant(services, at).unit(customer) as unit:
        command = RecordConsent("withdrawn", Notice(2, "sv"), "app", purpose=purpose)
        changed = record_consent(unit, person, command).changed
    return changed.cancelled, changed.irrevocable


def change(services: Services, person: UUID, edit: Callable[[Choices], None]) -> None:
    """Another state of the choices, as if it had always been so: nothing is stopped by it."""
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        edit(subject.choices)
        save_choices(unit, subject)


def entries(services: Services, person: UUID) -> list[Entry]:
    """The person's messages as they stand, cancelled ones aside."""
    with services.unit(system_actor("test")) as unit:
        return read_outstanding(unit, read_subject(unit, person), LONG_AGO)


def states(services: Services) -> list[tuple[str, str | None]]:
    """(state, outcome) of everything in the outbox, in order."""
    with services.database.connection() as db:
        return [(r[0], r[1]) for r in db.execute("select state, outcome from outbox order by number")]


def steps(services: Services, person: UUID) -> list[list[tuple[str, str]]]:
    """(state, reason) of every reorder's history."""
    with services.unit(system_actor("test")) as unit:
        found = read_reorders(unit, read_subject(unit, person))
    return [[(s.state, s.reason) for s in r.details.history] for r in found if r.details is not None]


def contacts(services: Services, person: UUID) -> list[tuple[datetime, str]]:
    with services.unit(system_actor("test")) as unit:
        return [(c.at, c.channel) for c in read_subject(unit, person).activity.contacts]
