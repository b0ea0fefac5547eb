"""`samtycke policy`: what an operator does with a policy document."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from service.cli.documents import DocumentError, read_document
from service.config import Config
from service.policy import Fault, PolicyRefused, check_policy


def show_faults(faults: Iterable[Fault], *, err: bool) -> None:
    """One line for each fault: its JSON pointer and what is wrong."""
    for fault in faults:
        click.echo(str(fault), err=err)


@click.group()
def policy() -> None:
    """Look after policy documents."""


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say every fault of the policy in FILE (YAML or JSON) with its path; exit 1 if there is one."""
    document = _read(file)
    faults = check_policy(document)
    if faults:
        show_faults(faults, err=False)
        raise SystemExit(1)
    click.echo(f"OK: {len(document['purposes'])} purposes, {len(document['programmes'])} programmes")


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
def publish(file: Path) -> None:
    """Put the policy in FILE in force, in the running service or the database that the environment names."""
    document = _read(file)
    # Nothing else here needs a database.
    from service.bootstrap import utc_now  # noqa: PLC0415
    from service.storage.database import Database  # noqa: PLC0415
    from service.storage.policies import publish_policy  # noqa: PLC0415

    config = Config.for_running_instance(os.environ)
    assert config.database_url is not None
    database = Database(config.database_url, size=1)
    try:
        with database.transaction() as db:
            version = publish_policy(db, document, utc_now())
    except PolicyRefused as refusal:
        show_faults(refusal.faults, err=True)
        raise click.ClickException("the policy has faults; the one in force stays") from refusal
    finally:
        database.close()
    click.echo("it is in force already" if version is None else f"in force as version {version}")


def _read(file: Path) -> Any:
    try:
        return read_document(file)
    except DocumentError as error:
        raise click.ClickException(f"{file}: {error}") from error
