"""`samtycke keys`: what an operator does with key-encryption keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.bootstrap import Services, build_services
from service.config import Config
from service.storage.keks import read_keks
from service.storage.key_rotation import Wrapped, count_wrapped
from service.use_cases.rekey_identifiers import begin_rekeying, go_on_rekeying
from service.use_cases.rotate_keys import retire_key, rotate_keys


@click.group()
def keys() -> None:
    """Rotate, list and retire the keys that wrap every person's data key."""


@keys.command()
def status() -> None:
    """List the keys: state, encryptions counted of those allowed, and how many data keys each wraps."""
    with _services() as services:
        # Enters the first key of an installation that has never wrapped anything.
        active = services.keyring.active()
        with services.database.connection() as db:
            known, wrapped = read_keks(db), count_wrapped(db)
        limit = services.keyring.settings.kek_limit
    rows = [("KEY", "PROVIDER", "STATE", "MADE", "ENCRYPTIONS", "WRAPS")]
    for kek in known.values():
        rows.append(
            (
                kek.id,
                kek.provider,
                kek.state,
                f"{kek.created_at:%Y-%m-%d}",
                f"{kek.invocations} of {limit} ({kek.invocations / limit:.1%})",
                str(wrapped.get(kek.id, Wrapped(0, 0)).keys),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    old = sum(each.keys + each.roots for kek_id, each in wrapped.items() if kek_id != active.id)
    if old:
        click.echo(
            f"a rotation is unfinished: {old} keys to wrap anew; `samtycke keys rotate` goes on with it"
        )


@keys.command()
def rotate() -> None:
    """Make a new key active and wrap every data key anew, under load; finish one that was interrupted."""
    with _services() as services:
        _rotate(services, None)


@keys.command()
@click.argument("key")
def compromise(key: str) -> None:
    """Mark KEY as compromised, and wrap anew what it wraps, under a new key if it is the active one."""
    with _services() as services:
        _rotate(services, key)
    click.echo("whoever had it and the database may know the data keys too: see docs/keys.md")


@keys.command()
@click.argument("key")
def retire(key: str) -> None:
    """Destroy KEY, which wraps nothing any more. What only it could open is lost."""
    with _services() as services:
        left = retire_key(services, key)
    click.echo(f"{key} is destroyed" + (f"; {left}" if left else ""))


@keys.command("rekey-index")
@click.option("--background", is_flag=True, help="Leave the work to the workers.")
def rekey_index(background: bool) -> None:
    """Find identifiers by digests under new keys, one for each type; finish what was interrupted."""
    with _services() as services:
        version = begin_rekeying(services)
        if background:
            click.echo(f"version {version} of the index has begun; workers digest what is left")
            return
        done = go_on_rekeying(services)
    click.echo(f"version {version} of the index: {done.digested} identifiers digested anew")
    if done.left:
        click.echo(
            f"{done.left} have an older digest still, {done.unreadable} of them cannot be opened", err=True
        )


def _rotate(services: Services, compromised: str | None) -> None:
    terminal = sys.stderr.isatty()

    def progress(count: int) -> None:
        if terminal:
            click.echo(f"\r{count} data keys", err=True, nl=False)

    done = rotate_keys(services, compromised=compromised, progress=progress)
    if terminal:
        click.echo("\r", err=True, nl=False)
    what = "is the new active key" if done.made else "was active already: no new key was made"
    click.echo(f"{done.active} {what}; {done.rewrapped} data keys wrapped anew")
    if done.unreadable:
        click.echo(f"{done.unreadable} data keys open under no key and stay as they are", err=True)


@contextmanager
def _services() -> Iterator[Services]:
    services = build_services(Config.for_running_instance(os.environ), pool_size=3)
    try:
        yield services
    finally:
        services.close()
