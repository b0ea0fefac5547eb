"""One PostgreSQL and one broker for a whole test run, whatever the number of its processes.

A keeper process starts them when the first test asks, so that a run which needs none pays for none. It ends
them when its standard input closes: that is when the run ends, in whatever way it ends."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from service.embedded.files import write_private
from service.embedded.postgres import Postgres
from service.embedded.programs import Running
from service.embedded.valkey import Valkey
from service.storage.migrate import migrate

PATIENCE = 60.0
TEMPLATE = "samtycke"
WANTED = "wanted"


@dataclass(frozen=True)
class Servers:
    """Where the run's servers are: PostgreSQL's own database, and the broker without a database number."""

    admin_url: str
    broker_url: str

    def create(self, name: str) -> str:
        """A fresh database with every migration applied; its URL."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            # Copying files takes half as long as logging every page, and nothing here must survive a crash.
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE)
                )
            )
        return url_of(self.admin_url, name)

    def create_empty(self, name: str) -> str:
        """A fresh database without any migration; its URL."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return url_of(self.admin_url, name)

    def drop(self, name: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def url_of(admin_url: str, name: str) -> str:
    return f"{admin_url.rpartition('/')[0]}/{name}"


class Keeper:
    """The keeper process as its owner, the leading test process, sees it."""

    def __init__(self) -> None:
        self.note = Path(tempfile.mkdtemp(prefix="samtycke-tests-")) / "servers.json"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", str(self.note)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def find(note: Path) -> Servers:
    """The servers that a keeper notes in `note`, started now if nobody has asked before."""
    (note.parent / WANTED).touch()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(FileNotFoundError):
            found = json.loads(note.read_text())
            if "fault" in found:
                raise RuntimeError(f"the test servers did not start: {found['fault']}")
            return Servers(**found)
        time.sleep(0.02)
    raise RuntimeError("the test servers did not start")


def keep(note: Path) -> None:
    """Once they are wanted, start the servers and write down where they are; end them when standard input
    closes."""
    folder = note.parent
    while not (folder / WANTED).exists():
        if select.select([0], [], [], 0.02)[0]:
            shutil.rmtree(folder, ignore_errors=True)
            return
    # PostgreSQL's account passes through this folder of ours; its files inside are its own.
    folder.chmod(0o711)
    running: list[Running] = []
    try:
        try:
            servers = _start(folder, running)
            write_private(note, json.dumps(asdict(servers)))
        except Exception as error:
            write_private(note, json.dumps({"fault": f"{type(error).__name__}: {error}"}))
            raise
        while os.read(0, 1024):
            pass
    finally:
        for one in reversed(running):
            one.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, running: list[Running]) -> Servers:
    postgres = Postgres(folder, folder / "postgres.log", durable=False, connections=200)
    postgres.prepare()
    valkey = Valkey(folder / "valkey", folder / "valkey.log")
    valkey.prepare()
    running += [Running(postgres.program), Running(valkey.program)]
    until = time.monotonic() + PATIENCE
    while not (postgres.is_ready() and valkey.is_ready()):
        for one in running:
            if one.exit_code() is not None or time.monotonic() > until:
                raise RuntimeError(one.log_tail())
        time.sleep(0.02)
    migrate(postgres.url(TEMPLATE))
    return Servers(postgres.url("postgres"), valkey.url().rpartition("/")[0])


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
