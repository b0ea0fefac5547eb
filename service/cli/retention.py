"""`samtycke retention`: how long what is kept, and what the nightly sweeps removed."""

from __future__ import annotations

import os
from itertools import groupby

import click

from service.bootstrap import build_services
from service.config import Config
from service.instants import show_instant
from service.policy.retention import RECORDS, data_period, record_period
from service.storage.retention import read_runs


@click.group()
def retention() -> None:
    """How long what is kept, and what was removed for its age."""


@retention.command()
@click.option("--last", type=click.IntRange(1, 1000), default=7, show_default=True, help="Sweeps to show.")
def report(last: int) -> None:
    """Show the periods in force and the newest sweeps."""
    services = build_services(Config.for_running_instance(os.environ), pool_size=1)
    try:
        with services.database.connection() as db:
            policy = services.policies.in_force(db).policy
            runs = read_runs(db, last)
    finally:
        services.close()
    for data in sorted(policy.data):
        click.echo(f"{data_period(policy, data):>6}  data: {data}")
    for record in RECORDS:
        click.echo(f"{record_period(policy, record):>6}  records: {record}")
    if not runs:
        click.echo("no sweep yet")
    for _, each in groupby(runs, key=lambda sweep: sweep.run):
        sweeps = list(each)
        ended = max((s.finished_at for s in sweeps if s.finished_at is not None), default=None)
        whole = ended is not None and all(s.finished_at is not None for s in sweeps)
        until = show_instant(ended) if whole and ended is not None else "goes on"
        click.echo(f"\n{show_instant(sweeps[0].started_at)} to {until}")
        for sweep in sweeps:
            click.echo(f"{sweep.removed:>10,}  {sweep.what}")
