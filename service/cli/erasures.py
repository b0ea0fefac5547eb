"""`samtycke erasures`: the journal of erasures and the database, brought to agree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.bootstrap import Services, build_services
from service.config import Config
from service.use_cases.replay_erasures import missing_entries, recover_journal, replay_erasures


@click.group()
def erasures() -> None:
    """Do again what a restored database has not seen, and look after the journal that tells of it."""


@erasures.command()
def replay() -> None:
    """Do every erasure of the journal that the database has not done. Run it after restoring an external
    database and before anything serves; running it twice does nothing twice."""
    with _services() as services:
        click.echo(f"{replay_erasures(services)} erasures done again")


@erasures.command()
def verify() -> None:
    """Compare journal and database; exit 1 if the journal is damaged or an erasure is still to be done."""
    with _services() as services, services.database.connection() as db:
        journal = services.erasures.journal
        missing = missing_entries(db, journal)
        total = len(journal.read())
    click.echo(f"{journal.path}: {total} erasures, {len(missing)} of them not done in this database")
    raise SystemExit(1 if missing else 0)


@erasures.command()
def recover() -> None:
    """Write anew what a lost or older journal lacks, from what the database knows. Erasures that only the
    lost journal knew stay unknown: first look for a copy of it."""
    with _services() as services, services.database.connection() as db:
        click.echo(f"{recover_journal(db, services.erasures.journal)} entries written anew")


@contextmanager
def _services() -> Iterator[Services]:
    services = build_services(Config.for_running_instance(os.environ), pool_size=2)
    try:
        yield services
    finally:
        services.close()
