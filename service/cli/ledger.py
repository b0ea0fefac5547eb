"""`samtycke ledger`: export, verify and witness the ledger, and seal what waits."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from service.audit.dump import VERIFIER, DatabaseDump, FolderDump, write_dump
from service.audit.sources import DatabaseSource, HttpSource
from service.audit.verify import Report
from service.audit.verify import verify as verify_dump
from service.audit.witness import open_witness
from service.bootstrap import build_services, open_keyring, utc_now
from service.config import Config
from service.crypto.keyring import Keyring
from service.crypto.log_key import load_log_key
from service.crypto.signed_note import NoteVerifier
from service.errors import ConfigError, KeyFileError, UnavailableError
from service.instants import show_instant
from service.storage.database import Database
from service.storage.ledger_export import snapshot
from service.use_cases.seal_ledger import seal_ledger

_DATABASE = click.option("--database", metavar="URL", help="Another database than that of the environment.")
_KEY = click.option("--key", "key_text", metavar="KEY", help="The key to trust: name+hash+base64.")
_MOST_SHOWN = 20


@click.group()
def ledger() -> None:
    """Export, verify and witness the log of what was said and decided (docs/ledger.md)."""


@ledger.command()
def key() -> None:
    """Print the key that checkpoints and promises are checked with."""
    click.echo(str(_own_key(Config.from_environ(os.environ))))


@ledger.command()
def seal() -> None:
    """Give what waits its place in the log now; workers do so every second."""
    services = build_services(Config.for_running_instance(os.environ), pool_size=1)
    try:
        click.echo(f"{seal_ledger(services)} entries sealed")
    finally:
        services.close()


@ledger.command()
@click.argument("folder", type=click.Path(path_type=Path))
@_DATABASE
@click.option("--openings", is_flag=True, help="Also write the salts, which open every commitment.")
def export(folder: Path, database: str | None, openings: bool) -> None:
    """Write to the new FOLDER everything that a verifier needs. Nothing in it says what anybody said."""
    config = _config(database)
    if folder.exists():
        raise click.ClickException(f"{folder} exists already")
    with _database(config) as found, snapshot(found) as db:
        dump = DatabaseDump(db, _keyring(config))
        written = write_dump(dump, folder, str(_own_key(config)), openings=openings)
    click.echo(", ".join(f"{count} {name}" for name, count in written.items()))


@ledger.command()
@click.option("--dump", type=click.Path(exists=True, file_okay=False, path_type=Path), help="An export.")
@_DATABASE
@_KEY
@click.option("--witness", "witness_file", type=click.Path(path_type=Path), help="A witness's file.")
def verify(dump: Path | None, database: str | None, key_text: str | None, witness_file: Path | None) -> None:
    """Check the whole ledger; name the first bad entry and exit with 1 if there is one."""
    trusted = None if key_text is None else NoteVerifier.read(key_text)
    witness = None if witness_file is None else open_witness(witness_file, trusted)
    if witness is not None:
        trusted = witness.verifier
    witnessed = [] if witness is None else witness.seen
    if dump is not None:
        if trusted is None:
            trusted = NoteVerifier.read((dump / VERIFIER).read_text(encoding="utf-8"))
        report = verify_dump(FolderDump(dump), trusted, witnessed)
    else:
        config = _config(database)
        with _database(config) as found, snapshot(found) as db:
            source = DatabaseDump(db, _keyring(config))
            report = verify_dump(source, trusted or _own_key(config), witnessed)
    _show(report)


@ledger.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_DATABASE
@_KEY
@click.option("--url", help="The service's address, from another machine; needs --token.")
@click.option("--token", envvar="SAMTYCKE_TOKEN", help="A DPO's token for --url.")
@click.option("--every", type=click.IntRange(1), metavar="SECONDS", help="Go on looking.")
def witness(
    file: Path,
    *,
    database: str | None,
    key_text: str | None,
    url: str | None,
    token: str | None,
    every: int | None,
) -> None:
    """Keep the log's checkpoints in FILE. Exit with 1 when the log no longer continues what FILE has seen:
    then history was rewritten, and FILE holds the proof."""
    trusted = None if key_text is None else NoteVerifier.read(key_text)
    with _source(database, url, token) as (source, own):
        # The key that is seen first is trusted from then on.
        kept = open_witness(file, trusted or (None if file.exists() else own))
        while True:
            try:
                taken = kept.take(source.note(), source.consistency, show_instant(utc_now()))
                click.echo(f"{taken.size} entries; they continue what was seen before")
            except UnavailableError as error:
                if every is None:
                    raise
                click.echo(str(error), err=True)
            if every is None:
                return
            time.sleep(every)


@contextmanager
def _source(
    database: str | None, url: str | None, token: str | None
) -> Iterator[tuple[DatabaseSource | HttpSource, NoteVerifier | None]]:
    if url is not None:
        yield HttpSource(url, token or ""), None
        return
    config = _config(database)
    with _database(config) as found:
        yield DatabaseSource(found), _own_key(config)


def _config(database: str | None) -> Config:
    if database is not None:
        return Config.from_environ({**os.environ, "SAMTYCKE_DATABASE_URL": database})
    return Config.for_running_instance(os.environ)


@contextmanager
def _database(config: Config) -> Iterator[Database]:
    assert config.database_url is not None
    # A whole ledger takes longer to read than any request may.
    database = Database(config.database_url, size=1, statement_timeout_ms=0)
    try:
        yield database
    finally:
        database.close()


def _keyring(config: Config) -> Keyring | None:
    """The keys, where this machine has them; without them less is checked, and the report says so."""
    try:
        return open_keyring(config)
    except (ConfigError, KeyFileError):
        return None


def _own_key(config: Config) -> NoteVerifier:
    if not config.ledger_key_file.exists():
        raise ConfigError(f"there is no {config.ledger_key_file}; give the log's key with --key")
    return load_log_key(config.ledger_key_file, config.ledger_origin).verifier


def _show(report: Report) -> None:
    for finding in report.findings[:_MOST_SHOWN]:
        click.echo(str(finding), err=True)
    if len(report.findings) > _MOST_SHOWN:
        click.echo(f"and {len(report.findings) - _MOST_SHOWN} more", err=True)
    if report.findings:
        raise click.ClickException(f"the ledger does not hold: {report.findings[0]}")
    click.echo(f"OK: {report.size} entries under {report.checkpoints} checkpoints")
    content = report.content
    click.echo(
        f"{content.opened} commitments opened; the content of {content.gone} entries is no longer there"
    )
    if content.shortened:
        click.echo(
            f"{content.shortened} histories begin late; without the keys nobody can tell if age did that"
        )
