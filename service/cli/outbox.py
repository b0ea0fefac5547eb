"""`samtycke outbox`: what waits, what is parked, and delivering it after all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from service.bootstrap import Services, build_services
from service.config import Config
from service.ids import MESSAGE, show
from service.instants import show_instant
from service.storage.outbox import count_states, list_parked
from service.use_cases.redeliver_message import redeliver_message


@click.group()
def outbox() -> None:
    """What waits to be handed over, and what could not be delivered."""


@outbox.command(name="list")
@click.option("--after", type=int, default=0, help="Begin behind this number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
def list_messages(after: int, limit: int) -> None:
    """Count by state, and list the parked ones, oldest first."""
    with _services() as services, services.database.connection() as db:
        states, parked = count_states(db, services.now), list_parked(db, after, limit)
    for state, count, due in states:
        click.echo(f"{count:>10,}  {state}" + (f", {due:,} of them due" if state == "queued" else ""))
    for each in parked:
        kind = "event" if each.is_event else "message"
        click.echo(
            f"{each.number:>10}  {show(MESSAGE, each.id)}  {kind} {each.outcome} after {each.attempts}"
            f" attempts, parked {show_instant(each.ended_at)}"
        )


@outbox.command()
@click.argument("messages", nargs=-1, required=True)
def redeliver(messages: tuple[str, ...]) -> None:
    """Try MESSAGES once more, if they are still allowed."""
    with _services() as services, services.database.transaction() as db:
        for message in messages:
            redeliver_message(db, message, services.now)
    click.echo(f"{len(messages)} queued again")


@contextmanager
def _services() -> Iterator[Services]:
    services = build_services(Config.for_running_instance(os.environ), pool_size=1)
    try:
        yield services
    finally:
        services.close()
