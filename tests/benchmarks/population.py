"""People and products to measure on: made-up, differing, and the same in every run."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from service import ids
from service.bootstrap import Services
from service.crypto.data_key import place
from service.policy import Contact
from service.storage.choices import Activity, Choices, StoredConsent, StoredMandate, encode
from service.storage.policies import publish_policy

POLICY = Path(__file__).parents[1] / "policy" / "vectors" / "policy-pharmacy.json"
CATEGORIES = (
    "health.otc.cough",
    "health.otc.pain",
    "beauty.skin",
    "beauty.hair",
    "alcohol.wine",
    "health.rx",
)
_PURPOSES = ("personal_offers", "replenishment_reminders", "automatic_reorder", "health_personalisation")


def add_products(services: Services, count: int = 60) -> list[str]:
    """The skus, now in the catalogue."""
    skus = [f"P{number:04d}" for number in range(count)]
    with services.database.transaction() as db, db.pipeline():
        for number, sku in enumerate(skus):
            db.execute(
                """insert into products (sku, category, name, pack_size, price_minor, currency, updated_at)
                values (%s, %s, %s, 20, %s, 'SEK', now()) on conflict do nothing""",
                (sku, CATEGORIES[number % len(CATEGORIES)], f"Product {number}", 2900 + 100 * number),
            )
    return skus


def publish(services: Services) -> None:
    with services.database.transaction() as db:
        publish_policy(db, msgspec.json.decode(POLICY.read_bytes()), services.now)


def add_people(services: Services, count: int, seed: int = 1) -> list[UUID]:
    """Active subjects with choices and a few contacts, written in bulk."""
    rng, now = random.Random(seed), datetime.now(UTC).replace(microsecond=0)
    people = [ids.new_subject_id() for _ in range(count)]
    keys = {person: services.keyring.new_data_key(person) for person in people}
    with services.database.transaction() as db:
        copy_rows(
            db,
            "subjects (id, status, epoch, activity, created_at)",
            ("uuid", "text", "int8", "int8", "timestamptz"),
            ((person, "active", 1, 1, now) for person in people),
        )
        copy_rows(
            db,
            "keys.data_keys (owner, kek, wrapped, created_at)",
            ("uuid", "text", "bytea", "timestamptz"),
            ((person, wrapped.kek, wrapped.wrapped, now) for person, (_, wrapped) in keys.items()),
        )
        for table, column, document in (
            ("subject_states", "epoch", lambda: encode(_choices(rng, now))),
            ("subject_activity", "version", lambda: encode(_activity(rng, now))),
        ):
            copy_rows(
                db,
                f"{table} (subject, {column}, at, sealed)",
                ("uuid", "int8", "timestamptz", "bytea"),
                (
                    (person, 1, now, key.seal(document(), place(table, "sealed", person, 1)))
                    for person, (key, _) in keys.items()
                ),
            )
    return people


def offers(skus: list[str], count: int, seed: int = 1) -> list[dict[str, Any]]:
    """As a campaign or a page asks: one programme, rung and order of channels, over the whole catalogue."""
    rng = random.Random(seed)
    programme, strategy = rng.choice(
        (("replenishment", "coach"), ("replenishment", "curate"), ("marketing", "curate"))
    )
    channels = rng.sample(("email", "sms", "app"), 2)
    return [
        _candidate(number, programme, strategy, sku, channels, 1)
        for number, sku in enumerate(rng.sample(skus, count))
    ]


def strangers(skus: list[str], count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Candidates that have as little in common as possible, some of them automatic: the worst case."""
    rng = random.Random(seed)
    return [
        _candidate(
            number,
            rng.choice(("replenishment", "replenishment", "marketing")),
            rng.choice(("coach", "coach", "automate", "curate")),
            rng.choice(skus),
            rng.sample(("email", "sms", "app"), 2),
            rng.choice((1, 1, 2)),
        )
        for number in range(count)
    ]


def _candidate(
    number: int, programme: str, strategy: str, sku: str, channels: list[str], quantity: int
) -> dict[str, Any]:
    return {
        "id": f"c{number}",
        "programme": programme,
        "strategy": strategy,
        "sku": sku,
        "channels": channels,
        "data": ["purchases"],
        "quantity": quantity,
    }


MIXES = {"offers": offers, "strangers": strangers}


def _choices(rng: random.Random, now: datetime) -> Choices:
    consents = {
        purpose: StoredConsent(
            rng.choice(("given", "given", "given", "withdrawn", "refused")),
            since=now - timedelta(days=rng.randrange(1, 200)),
            explicit=True,
            notice_version=2,
            expires_at=now + timedelta(days=rng.randrange(1, 200)),
        )
        for purpose in _PURPOSES
        if rng.random() < 0.8
    }
    mandates = []
    if rng.random() < 0.3:
        mandates = [
            StoredMandate(
                id=f"man_{number}",
                covers=covers,
                currency="SEK",
                max_price_minor=20_000,
                since=now,
                text="Order with obligation to pay",
                locale="sv",
                max_spend_minor=90_000,
                spend_days=30,
            )
            for number, covers in enumerate(rng.sample(("health.otc", "beauty", "*"), 2))
        ]
    return Choices(
        timezone="Europe/Stockholm",
        locale="sv",
        country="SE",
        birth_date=now.date() - timedelta(days=365 * rng.randrange(16, 80)),
        consents=consents,
        sharing={"purchases": rng.random() < 0.8, "usage": rng.random() < 0.5},
        levels={"*": rng.choice(("curate", "coach", "automate")), "beauty": "coach"},
        channels={"email": True, "sms": rng.random() < 0.5, "app": True},
        max_per_week=rng.choice((None, None, 3)),
        mandates=mandates,
        head=rng.randbytes(32),
    )


def _activity(rng: random.Random, now: datetime) -> Activity:
    return Activity(
        contacts=[
            Contact(now - timedelta(hours=rng.randrange(1, 700)), rng.choice(("email", "app")), "marketing")
            for _ in range(rng.randrange(4))
        ]
    )


def copy_rows(db: Any, target: str, types: tuple[str, ...], rows: Any) -> None:
    with db.cursor().copy(f"copy {target} from stdin (format binary)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
