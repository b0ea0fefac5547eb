"""A throw-away installation: a database of its own, gone afterwards, and a clock that its owner moves."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.embedded.errors import StartError
from service.embedded.postgres import Postgres
from service.embedded.programs import Running
from service.storage.migrate import migrate

_PATIENCE = 60.0


@dataclass(slots=True)
class Clock:
    """Says what its owner set."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@contextmanager
def scratch(clock: Clock) -> Iterator[Services]:
    """Services of an empty installation that live as long as the block. Raises StartError."""
    home = Path(tempfile.mkdtemp(prefix="samtycke-"))
    # PostgreSQL's account passes through this folder; its files inside are its own.
    home.chmod(0o711)
    try:
        postgres = Postgres(home, home / "postgres.log", durable=False)
        postgres.prepare()
        running = Running(postgres.program)
        try:
            _await(postgres, running)
            migrate(postgres.url())
            services = _services(home, postgres.url(), clock)
            try:
                yield services
            finally:
                services.close()
        finally:
            running.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _await(postgres: Postgres, running: Running) -> None:
    until = time.monotonic() + _PATIENCE
    while not postgres.is_ready():
        if running.exit_code() is not None or time.monotonic() > until:
            raise StartError(f"the database did not start: {running.log_tail()}")
        time.sleep(0.02)


def _services(home: Path, database_url: str, clock: Clock) -> Services:
    key_file = home / "keys" / "keys.json"
    create_key_file(key_file)
    environ = {
        "SAMTYCKE_HOME": str(home),
        "SAMTYCKE_KEY_FILE": str(key_file),
        "SAMTYCKE_DATABASE_URL": database_url,
    }
    return build_services(Config.from_environ(environ), clock=clock)
