"""`samtycke demo`: play a day with the demo's customers through the running service."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from datetime import UTC, datetime

import click

from service.config import Config
from service.embedded.demo.client import Client
from service.embedded.demo.files import read_data
from service.embedded.demo.month import play_month
from service.embedded.demo.people import people_entries
from service.embedded.demo.story import find_people, play
from service.embedded.demo.view import console, show_day, show_month, show_people
from service.explanations import LANGUAGES
from service.logging import configure_logging

_url = click.option("--url", help="The service's address; the instance on the data folder if left out.")


@click.group()
def demo() -> None:
    """Twelve customers who do not exist, and what their choices permit."""


@demo.command()
@_url
@click.option("--locale", type=click.Choice(LANGUAGES), help="Tell everybody's reasons in this language.")
@click.option("--english", is_flag=True, help="Add English beside each person's own language.")
@click.option("--all", "whole", is_flag=True, help="Tell every reason, not only the nearest ones.")
def story(url: str | None, locale: str | None, english: bool, whole: bool) -> None:
    """Play one day: what was proposed to each, what was permitted, and why.

    Exits with 1 when anything comes out otherwise than it should."""
    config = Config.for_running_instance(os.environ)
    with closing(Client(config, url)) as client:
        day = play(client, config.home, locale=locale)
    show_day(console(), day, locale, english=english, whole=whole)
    if day.deviations:
        sys.exit(1)


@demo.command()
def month() -> None:
    """Play a month of cough tablets on a throw-away installation, a day at a time: a forecast, a reminder or
    an order that is announced first, for each as far as she lets us. Takes a few seconds; needs nothing
    running."""
    configure_logging(level="WARNING")
    start = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    show_month(console(), play_month(start), read_data("month"))


@demo.command()
@_url
def people(url: str | None) -> None:
    """List the twelve with their subject ids."""
    config = Config.for_running_instance(os.environ)
    with closing(Client(config, url)) as client:
        show_people(console(), find_people(client, config.home), people_entries())
