"""Everything a process needs, put together once from the configuration and passed in from there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from service.actor import Actor
from service.config import Config
from service.crypto.blind_index import BlindIndex
from service.crypto.keyring import Keyring
from service.crypto.log_key import load_log_key
from service.crypto.providers import open_providers
from service.crypto.signed_note import NoteSigner
from service.errors import ConfigError
from service.instants import whole_second
from service.storage.database import SERVICE_ROLE, Connection, Database
from service.storage.journal import Journal
from service.storage.keks import StoredKekBook
from service.storage.offers import OfferStore
from service.storage.policies import PolicyStore
from service.storage.unit import Erasures, PolicyInForce, Unit


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """The parts of one process. `clock` gives an aware instant; `now` rounds it up to the second."""

    config: Config
    database: Database
    keyring: Keyring
    index: BlindIndex
    policies: PolicyStore
    log_key: NoteSigner
    clock: Callable[[], datetime] = utc_now
    offers: OfferStore = field(default_factory=OfferStore)

    @property
    def now(self) -> datetime:
        return whole_second(self.clock())

    @property
    def erasures(self) -> Erasures:
        return Erasures(Journal(self.config.erasure_journal), timedelta(days=self.config.backup_days))

    @contextmanager
    def unit(self, actor: Actor) -> Iterator[Unit]:
        """One transaction under the policy in force now."""
        with self.database.transaction() as db:
            yield self.unit_on(db, self.policies.in_force(db), actor)

    def unit_on(self, db: Connection, in_force: PolicyInForce, actor: Actor) -> Unit:
        return Unit(db, self.keyring, self.index, in_force, actor, self.now, self.erasures)

    def close(self) -> None:
        self.database.close()


def build_services(
    config: Config, *, pool_size: int = 4, clock: Callable[[], datetime] = utc_now
) -> Services:
    """Raises ConfigError without a database URL and KeyFileError without usable keys. No server is asked."""
    if config.database_url is None:
        raise ConfigError("no database: set SAMTYCKE_DATABASE_URL, or start with `samtycke run`")
    keyring = open_keyring(config)
    database = Database(config.database_url, size=pool_size, role=SERVICE_ROLE)
    return Services(
        config=config,
        database=database,
        keyring=keyring,
        index=BlindIndex(keyring.index_root),
        policies=PolicyStore(),
        log_key=load_log_key(config.ledger_key_file, config.ledger_origin),
        clock=clock,
    )


def open_keyring(config: Config) -> Keyring:
    """Raises ConfigError and KeyFileError; no server is asked."""
    assert config.database_url is not None
    # The one part whose secrets are not in the configuration: that is noted on disk.
    providers = open_providers(config.keys.providers, os.environ)
    return Keyring(providers, StoredKekBook(config.database_url), config.keys)
