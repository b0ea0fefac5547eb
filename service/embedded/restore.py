"""Bring a backup back onto an empty folder: base backup, then the write-ahead log, then every erasure since.

Nothing serves before the last of these is done: a mark in the folder says that a restore is under way, and a
start refuses while it is there.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psycopg

from service.config import Config
from service.embedded.archive import restore_command
from service.embedded.backup_store import (
    ISSUER_FILE,
    KEY_FILE,
    LEDGER_FILE,
    PASSWORD_FILE,
    BackupError,
    Base,
    Store,
    describe,
    owners,
)
from service.embedded.children import log_of
from service.embedded.erasures import ensure_erasures
from service.embedded.files import write_private
from service.embedded.home import Account, unprivileged_account
from service.embedded.instance import LOCK_NAME, hold
from service.embedded.postgres import Postgres
from service.embedded.programs import Running
from service.embedded.unfinished import begin_restore, end_restore
from service.instants import show_instant
from service.storage.journal import Journal
from service.storage.migrate import migrate
from service.use_cases.replay_erasures import recover_journal

_RECOVERED_WITHIN = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Restored:
    """`destroyed`: data keys that a later list of keys no longer had; `replayed`: erasures done again;
    `recovered`: entries of the journal that only the write-ahead log still knew."""

    base: Base
    destroyed: int
    recovered: int
    replayed: int


def restore_backup(
    config: Config, store: Store, *, until: datetime | None = None, journal: Path | None = None
) -> Restored:
    """Restore onto the empty folder `config.home`, as of `until` or as late as the log reaches. `journal` is
    the newest copy of the erasure journal, by default the one in the backup.

    Raises BackupError, and leaves the mark that keeps the folder from being started."""
    home = config.home
    if home.exists() and any(entry.name != LOCK_NAME for entry in home.iterdir()):
        raise BackupError(f"{home} is not empty: a restore needs a folder of its own")
    base, keys = _choose(store, until), store.newest_keys()
    home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    with hold(home):
        begin_restore(home)
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
        _put_keys(config, keys)
        _put_journal(config, journal or store.journal)
        account = unprivileged_account()
        _put_data(home, base, store, keys, account)
        postgres = Postgres(home, log_of(home, "postgres"))
        postgres.prepare()
        url, running = _recover(postgres, home, until)
        try:
            migrate(url)
            destroyed = _destroy(url, store, base, keys)
            with psycopg.connect(url, autocommit=True) as db:
                recovered = recover_journal(db, Journal(config.erasure_journal))
            replayed = ensure_erasures(replace(config, database_url=url))
        finally:
            running.stop()
        shutil.rmtree(home / "postgres" / "restore-wal")
        end_restore(home)
    return Restored(base, destroyed, recovered, replayed)


def _choose(store: Store, until: datetime | None) -> Base:
    bases = store.bases()
    fit = [base for base in bases if until is None or base.made_at <= until]
    if not fit:
        asked = "" if until is None else f" as old as {show_instant(until)}"
        raise BackupError(f"{store.data} has no base backup{asked}; there are {describe(bases)}")
    return fit[-1]


def _put_keys(config: Config, keys: Path) -> None:
    files = {
        KEY_FILE: config.key_file,
        ISSUER_FILE: config.issuer_key_file,
        LEDGER_FILE: config.ledger_key_file,
    }
    for name, file in files.items():
        # A key file that the operator has put in place already is the one that counts.
        if (keys / name).exists() and not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(file, (keys / name).read_text(encoding="utf-8"))


def _put_journal(config: Config, journal: Path) -> None:
    if journal.exists() and not config.erasure_journal.exists():
        config.erasure_journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(config.erasure_journal, journal.read_text(encoding="ascii"))


def _put_data(home: Path, base: Base, store: Store, keys: Path, account: Account | None) -> None:
    folder = home / "postgres"
    folder.mkdir(mode=0o700)
    write_private(folder / "password", (keys / PASSWORD_FILE).read_text(encoding="ascii"))
    shutil.copytree(base.folder, folder / "data", symlinks=True)
    shutil.copytree(store.wal, folder / "restore-wal", ignore=shutil.ignore_patterns(".*"))
    (folder / "data" / "recovery.signal").touch()
    (folder / "data").chmod(0o700)
    if account is not None:
        for root, _, names in os.walk(folder):
            for path in (root, *(os.path.join(root, name) for name in names)):  # noqa: PTH118 (as os.walk has it)
                os.chown(path, account.uid, account.gid)


def _recover(postgres: Postgres, home: Path, until: datetime | None) -> tuple[str, Running]:
    settings = {
        "restore_command": restore_command(home / "postgres" / "restore-wal"),
        "recovery_target_action": "promote",
        # Nobody reads a state on the way.
        "hot_standby": "off",
    }
    if until is not None:
        settings["recovery_target_time"] = until.isoformat()
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    program = postgres.program
    running = Running(
        replace(program, argv=(*program.argv, *options), orphan_signal=signal.SIGKILL, stop_within=120.0)
    )
    limit = time.monotonic() + _RECOVERED_WITHIN
    while not postgres.is_ready():
        if running.exit_code() is not None or time.monotonic() > limit:
            last = "\n  ".join(running.log_tail().splitlines()[-6:])
            running.kill()
            raise BackupError(f"the database did not recover; empty {home} before another try\n  {last}")
        time.sleep(0.05)
    return postgres.url(), running


def _destroy(url: str, store: Store, base: Base, newest: Path) -> int:
    """Destroy the data keys that were there at the base backup and no longer in the newest list of keys: a
    second guard beside the journal, which needs no journal."""
    before, after = owners(store.keys / base.folder.name), owners(newest)
    if before is None or after is None:
        return 0
    with psycopg.connect(url) as db:
        done = db.execute("delete from keys.data_keys where owner = any(%s)", (list(before - after),))
        return done.rowcount
