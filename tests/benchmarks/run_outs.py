"""People whose goods run out, and many more whose do not, to measure the scan and what follows from it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service import ids
from service.actor import system_actor
from service.bootstrap import Services
from service.crypto.data_key import place
from service.storage.choices import Activity, Choices, StoredConsent, StoredMandate, encode
from service.storage.policies import publish_policy
from service.storage.signals import SignalContent, SignalRow, dedupe_digest, insert_signals
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.propose_reorders import Scanned, propose_reorders
from tests.benchmarks.population import POLICY, copy_rows
from workers.propose import SUBJECTS

PRODUCTS = 60
# Bought every 29 days, and the last time 29 days ago: the next box is wanted now, and surely so.
_BOUGHT = (145, 116, 87, 58, 29)
_TOGETHER = 1000

# What nobody looks at: a subject that is not due, with a key, a state, a past reorder and two signals, which
# open for nobody. Half are due at some hour of the next weeks, half not by themselves.
_IDLE = """
with person as (
    insert into subjects (id, status, epoch, activity, created_at, forecast_due)
    select
        gen_random_uuid(), 'active', 1, 0, %(now)s,
        case when n %% 2 = 0 then date_trunc('hour', %(now)s) + (1 + n %% 600) * interval '1 hour' end
    from generate_series(1, %(count)s) n
    returning id
),
data_key as (
    insert into keys.data_keys (owner, kek, wrapped, created_at)
    select id, %(kek)s, %(wrapped)s, %(now)s from person
),
state as (
    insert into subject_states (subject, epoch, at, sealed) select id, 1, %(now)s, %(sealed)s from person
),
past as (
    insert into reorders (id, subject, state, cycle, created_at, updated_at, sealed)
    select gen_random_uuid(), id, 'dispatched', uuid_send(gen_random_uuid()), %(now)s, %(now)s, %(sealed)s
    from person
)
insert into signals (id, subject, dedupe, at, stored_at, sealed)
select
    gen_random_uuid(), id, uuid_send(gen_random_uuid()), %(now)s - n * interval '29 days', %(now)s, %(signal)s
from person, generate_series(1, 2) n
"""


def publish(services: Services) -> None:
    """The pharmacy of the vectors, with purchases as signals and everything live: a pilot draws lots."""
    document = msgspec.json.decode(POLICY.read_bytes())
    signals = {"purchase": {"data": "purchases"}}
    with services.database.transaction() as db:
        publish_policy(db, document | {"rollout": [], "signals": signals}, services.now)
        db.execute(
            "insert into products (sku, category, name, pack_size, usual_per_day, price_minor, currency,"
            " updated_at) select 'P' || n, 'beauty', 'Product ' || n, 30, 1, 2900, 'SEK', now()"
            " from generate_series(1, %s) n",
            (PRODUCTS,),
        )


def add_due(services: Services, count: int, seed: int = 1) -> list[UUID]:
    """People with a mandate whose run-out is in sight; nobody is due before `wake`."""
    rng, found = random.Random(seed), list[UUID]()
    while len(found) < count:
        with services.unit(system_actor("bench")) as unit:
            found += _add_due(unit, rng, min(_TOGETHER, count - len(found)))
    return found


def _add_due(unit: Unit, rng: random.Random, count: int) -> list[UUID]:
    people = []
    rows = []
    for _ in range(count):
        person = ids.new_subject_id()
        key, wrapped = unit.keyring.new_data_key(person)
        people.append((Subject(person, "active", 1, 0, key, _choices(unit.now), Activity()), wrapped))
        rows += _purchases(unit, people[-1][0], f"P{rng.randrange(PRODUCTS) + 1}")
    # The types of `copy_rows` are those of the columns.
    copy_rows(
        unit.db,
        "subjects (id, status, epoch, activity, created_at)",
        ("uuid", "text", "int8", "int8", "timestamptz"),
        ((subject.id, "active", 1, 0, unit.now) for subject, _ in people),
    )
    copy_rows(
        unit.db,
        "keys.data_keys (owner, kek, wrapped, created_at)",
        ("uuid", "text", "bytea", "timestamptz"),
        ((subject.id, wrapped.kek, wrapped.wrapped, unit.now) for subject, wrapped in people),
    )
    copy_rows(
        unit.db,
        "subject_states (subject, epoch, at, sealed)",
        ("uuid", "int8", "timestamptz", "bytea"),
        ((subject.id, 1, unit.now, _sealed(subject)) for subject, _ in people),
    )
    insert_signals(unit, rows)
    return [subject.id for subject, _ in people]


def add_idle(services: Services, count: int) -> None:
    """Subjects that are not due. They share one sealed state and one signal, which are of true size and open
    for none of them, so a scan that looked at one of them would count it as failed."""
    person = ids.new_subject_id()
    key, wrapped = services.keyring.new_data_key(person)
    subject = Subject(person, "active", 1, 0, key, _choices(services.now), Activity())
    values = {
        "count": count,
        "now": services.now,
        "kek": wrapped.kek,
        "wrapped": wrapped.wrapped,
        "sealed": _sealed(subject),
        "signal": key.seal(bytes(150), b""),
    }
    with services.database.transaction() as db:
        # What refers to what is made here in one go, so nothing needs to be looked up to check it.
        db.execute("set local role none")
        db.execute("set local session_replication_role = replica")
        db.execute("set local statement_timeout = 0")
        db.execute(_IDLE, values)


def wake(services: Services, people: Sequence[UUID]) -> None:
    """Due at this hour: what changes of choices, new signals and forecasts come to."""
    with services.database.transaction() as db:
        db.execute("update subjects set forecast_due = %s where id = any(%s)", (services.now, list(people)))


def scan(services: Services) -> Scanned:
    """As the worker does, until nobody is left."""
    total = Scanned()
    while True:
        with services.unit(system_actor("bench")) as unit:
            scanned = propose_reorders(unit, SUBJECTS)
        total += scanned
        if scanned.looked < SUBJECTS:
            return total


def _purchases(unit: Unit, subject: Subject, sku: str) -> list[SignalRow]:
    data = {"sku": sku, "quantity": 1, "price_minor": 2900, "currency": "SEK"}
    return [
        SignalRow(
            subject,
            dedupe_digest(unit, subject.id, "purchase", str(days)),
            unit.now - timedelta(days=days),
            "purchases",
            SignalContent("purchase", str(days), data, "beauty"),
        )
        for days in _BOUGHT
    ]


def _choices(now: datetime) -> Choices:
    purposes = ("personal_offers", "replenishment_reminders", "automatic_reorder")
    given = StoredConsent("given", now - timedelta(days=9), True, 2, now + timedelta(days=150))
    text = "Order with obligation to pay"
    return Choices(
        timezone="Europe/Stockholm",
        locale="sv",
        country="SE",
        consents=dict.fromkeys(purposes, given),
        sharing={"purchases": True},
        levels={"*": "automate"},
        channels={"app": True},
        mandates=[StoredMandate("man_1", "*", "SEK", 20_000, now - timedelta(days=9), text, "sv")],
    )


def _sealed(subject: Subject) -> bytes:
    at = place("subject_states", "sealed", subject.id, 1)
    return subject.data_key.seal(encode(subject.choices), at)
