"""A backup of the embedded database while it serves: base backup, continuous archiving, keys apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from service.bootstrap import utc_now
from service.config import Config
from service.embedded.archive import archive_to
from service.embedded.backup_store import (
    DATA_KEYS_FILE,
    ISSUER_FILE,
    KEY_FILE,
    LEDGER_FILE,
    PASSWORD_FILE,
    BackupError,
    Store,
    name_of,
)
from service.embedded.binaries import programs_for
from service.embedded.files import sync_folder, write_private
from service.embedded.home import Account, first_closed_folder, unprivileged_account
from service.embedded.postgres import ENVIRON

_ARCHIVED_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Made:
    """One backup: where it lies and what it took."""

    folder: Path
    bytes: int
    seconds: float


def make_backup(config: Config, store: Store) -> Made:
    """Back up the running instance into `store`. From the first one on, the write-ahead log follows.

    Raises BackupError; what it left unfinished is not taken for a backup."""
    store.check_apart()
    url = config.database_url
    if url is None:
        raise BackupError(f"nothing runs on {config.home}")
    began = time.monotonic()
    account = unprivileged_account()
    _make_folders(store, account)
    script = archive_to(config.home / "postgres", store.wal)
    _own(script, account)
    part = store.data / "base" / "part"
    shutil.rmtree(part, ignore_errors=True)
    # The list of keys is older than the base backup: what it names and a later one does not was destroyed.
    listed = _list_keys(url)
    _copy_database(url, programs_for(account, config.home), part)
    made_at = utc_now()
    _store_keys(config, store.keys / name_of(made_at), listed)
    _await_archived(url)
    if config.erasure_journal.exists():
        write_private(store.journal, config.erasure_journal.read_text(encoding="ascii"))
    folder = store.data / "base" / name_of(made_at)
    part.replace(folder)
    sync_folder(folder.parent)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Made(folder, size, time.monotonic() - began)


def archived_until(url: str) -> tuple[datetime | None, int]:
    """When the last piece was archived, and how often archiving has failed since the server's statistics
    began."""
    with psycopg.connect(url, autocommit=True) as db:
        row = db.execute("select last_archived_time, failed_count from pg_stat_archiver").fetchone()
    assert row is not None
    return row[0], int(row[1])


def _make_folders(store: Store, account: Account | None) -> None:
    try:
        # PostgreSQL's account passes through to the folder of its log, which is its own.
        store.data.mkdir(mode=0o711 if account else 0o700, parents=True, exist_ok=True)
        (store.data / "base").mkdir(mode=0o700, exist_ok=True)
        store.wal.mkdir(mode=0o700, exist_ok=True)
        _own(store.wal, account)
        store.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f"{error.filename}: {error.strerror}") from error
    if account is not None:
        closed = first_closed_folder(store.wal, account)
        if closed is not None:
            raise BackupError(f"PostgreSQL runs as {account.name!r}, and that account cannot enter {closed}")


def _copy_database(url: str, programs: Path, part: Path) -> None:
    parts = urlsplit(url)
    server = ("--host", parts.hostname or "", "--port", str(parts.port), "--username", parts.username or "")
    environ = {**ENVIRON, "PGPASSWORD": unquote(parts.password or "")}
    _run(
        programs / "pg_basebackup",
        *server,
        *("--no-password", "--pgdata", str(part), "--format", "plain", "--checkpoint", "fast"),
        # What was written meanwhile comes along, so that each base backup is whole by itself.
        *("--wal-method", "stream", "--manifest-checksums", "SHA256"),
        environ=environ,
    )
    _run(programs / "pg_verifybackup", str(part), environ=ENVIRON)


def _run(program: Path, *arguments: str, environ: dict[str, str]) -> None:
    done = subprocess.run(
        [str(program), *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupError(f"{program.name} failed: {' '.join(done.stdout.strip().splitlines()[-2:])}")


def _list_keys(url: str) -> str:
    """Every row of the data keys, wrapped as they are."""
    with psycopg.connect(url, autocommit=True) as db:
        listed = "select owner, kek, wrapped, created_at from keys.data_keys order by owner"
        with db.cursor().copy(f"copy ({listed}) to stdout") as copy:
            return b"".join(copy).decode("ascii")


def _store_keys(config: Config, folder: Path, listed: str) -> None:
    folder.mkdir(mode=0o700)
    copies = {
        KEY_FILE: config.key_file,
        ISSUER_FILE: config.issuer_key_file,
        LEDGER_FILE: config.ledger_key_file,
        PASSWORD_FILE: config.home / "postgres" / "password",
    }
    for name, file in copies.items():
        # Keys that a provider keeps have no file here, and are backed up with it.
        if file.exists():
            write_private(folder / name, file.read_text(encoding="utf-8"))
    write_private(folder / DATA_KEYS_FILE, listed)
    sync_folder(folder)
    sync_folder(folder.parent)


def _await_archived(url: str) -> None:
    """Finish the piece at work and wait until it is in the archive: archiving works, and keeps up."""
    with psycopg.connect(url, autocommit=True) as db:
        # Where nothing was written since the last piece, the answer is the first byte behind that.
        row = db.execute("select pg_walfile_name(pg_switch_wal() - 1)").fetchone()
        assert row is not None
        until = time.monotonic() + _ARCHIVED_WITHIN
        while True:
            state = db.execute(
                "select coalesce(last_archived_wal, ''), last_failed_time is not null from pg_stat_archiver"
            ).fetchone()
            assert state is not None
            if state[0][:24] >= row[0]:
                return
            if time.monotonic() > until:
                raise BackupError("the log does not arrive in the archive; see the log of the database")
            time.sleep(0.05)


def _own(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)
