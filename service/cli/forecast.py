"""`samtycke forecast`: learn the forecast model anew, and look at the one in use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import exp

import click

from service.bootstrap import Services, build_services
from service.config import Config
from service.forecast.training import LEAST_PEOPLE
from service.instants import show_instant
from service.storage.forecast_models import newest_model, read_trainings
from service.use_cases.train_forecast import MOST_PEOPLE, train_forecast


@click.group()
def forecast() -> None:
    """The model by which run-outs are foreseen."""


@forecast.command()
@click.option("--seconds", type=click.IntRange(1, 86_400), default=3600, show_default=True)
@click.option(
    "--most", type=click.IntRange(1), default=MOST_PEOPLE, show_default=True, help="People to draw."
)
def train(seconds: int, most: int) -> None:
    """Learn a new version from customers who share their purchases, and put it in use."""
    with _services() as services:
        trained = train_forecast(services, seconds=seconds, most=most)
    if trained is None:
        raise click.ClickException(f"fewer than {LEAST_PEOPLE} people share purchases to learn from")
    click.echo(f"{trained.version}: {trained.people:,} people, {trained.intervals:,} intervals")


@forecast.command()
@click.option("--last", type=click.IntRange(1, 1000), default=5, show_default=True, help="Trainings to show.")
def show(last: int) -> None:
    """Show the model in use and the newest trainings."""
    with _services() as services, services.database.connection() as db:
        model, trainings = newest_model(db), read_trainings(db, last)
    click.echo(f"in use: {model.version}; unasked only below a spread of {model.gate}")
    click.echo("\npast intervals   one in ten    half   nine in ten (spreads from the location)")
    for bucket, each in sorted(model.quantiles.items()):
        click.echo(f"{bucket:>3} or more      {each.z10:10.2f} {each.z50:7.2f} {each.z90:13.2f}")
    click.echo("\n  days  people differ  own intervals differ  people  category")
    for key, prior in sorted(model.priors.items()):
        if not key.startswith("sku:"):
            spreads = f"{prior.between:14.2f} {prior.within:21.2f}"
            click.echo(f"{exp(prior.location):6.0f} {spreads} {prior.people:7,}  {key}")
    for training in trainings:
        when = show_instant(training.trained_at)
        click.echo(
            f"\n{training.version} {when}: {training.people:,} people, {training.intervals:,} intervals"
        )


@contextmanager
def _services() -> Iterator[Services]:
    services = build_services(Config.for_running_instance(os.environ), pool_size=1)
    try:
        yield services
    finally:
        services.close()
