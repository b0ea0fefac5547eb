"""`samtycke backup` and `samtycke restore`: the embedded database and its keys, apart from each other."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import click

from service.bootstrap import utc_now
from service.config import Config
from service.embedded.backup import make_backup
from service.embedded.backup_store import BackupError, Store
from service.embedded.prune import prune_backups
from service.embedded.restore import restore_backup
from service.errors import InvalidInputError
from service.policy import read_instant

_EXTERNAL = (
    "SAMTYCKE_DATABASE_URL names a database of your own: back it up and restore it with its own tools, back"
    " up the key file and the erasure journal apart from it, and run `samtycke erasures replay` after a"
    " restore, before anything serves"
)
_folder = click.Path(file_okay=False, path_type=Path)
_keys = click.option("--keys", type=_folder, required=True, help="Where the keys go: never beside the data.")


class _Backup(click.Group):
    """`backup DIR` is `backup make DIR`; a folder named like a command is written ./prune."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Backup)
def backup() -> None:
    """Back up the running instance into DIR, and its keys into another folder (`samtycke backup DIR --keys
    DIR`)."""


@backup.command()
@click.argument("folder", metavar="DIR", type=_folder)
@_keys
def make(folder: Path, keys: Path) -> None:
    """Make a base backup; from the first one on the write-ahead log follows continuously. Backups older than
    SAMTYCKE_BACKUP_DAYS are removed."""
    config = _embedded()
    store = Store(folder.absolute(), keys.absolute())
    made = make_backup(Config.for_running_instance(os.environ), store)
    click.echo(f"{made.folder}: {made.bytes / 1e6:.0f} MB in {made.seconds:.1f} s")
    _prune(store, config.backup_days)


@backup.command()
@click.argument("folder", metavar="DIR", type=_folder)
@_keys
@click.option("--days", type=click.IntRange(1), help="Instead of SAMTYCKE_BACKUP_DAYS.")
def prune(folder: Path, keys: Path, days: int | None) -> None:
    """Remove backups that have come of age, and what only they needed. Certificates of erasure promise it:
    run it daily."""
    store = Store(folder.absolute(), keys.absolute())
    store.check_apart()
    _prune(store, days or Config.from_environ(os.environ).backup_days)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_keys
@click.option("--until", metavar="INSTANT", help="Only what had happened by then (RFC 3339).")
@click.option(
    "--journal",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The newest copy of the erasure journal, if it is newer than the one in the backup.",
)
def restore(folder: Path, keys: Path, until: str | None, journal: Path | None) -> None:
    """Restore a backup onto the empty data folder SAMTYCKE_HOME, and do every erasure since again."""
    config = _embedded()
    restored = restore_backup(
        config, Store(folder.absolute(), keys.absolute()), until=_instant(until), journal=journal
    )
    click.echo(f"{config.home}: restored from {restored.base.folder.name} and the log behind it")
    click.echo(
        f"{restored.replayed} erasures done again, {restored.destroyed} destroyed keys destroyed again,"
        f" {restored.recovered} entries of the erasure journal recovered"
    )


def _prune(store: Store, days: int) -> None:
    pruned = prune_backups(store, utc_now(), timedelta(days=days))
    click.echo(f"{pruned.bases} backups older than {days} days removed, and {pruned.pieces} pieces of log")
    if pruned.overdue:
        raise BackupError(
            f"the only backup is older than {days} days, which is longer than certificates of erasure say;"
            " make a new one"
        )


def _embedded() -> Config:
    config = Config.from_environ(os.environ)
    if config.database_url is not None:
        raise BackupError(_EXTERNAL)
    return config


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = read_instant(text)
    except (InvalidInputError, ValueError):
        found = None
    if found is None:
        raise click.BadParameter("is not an instant such as 2026-11-22T09:00:00Z", param_hint="--until")
    return found
