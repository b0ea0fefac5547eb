"""`samtycke pilot`: a pilot compared with the rest, and how often detectors are right."""

from __future__ import annotations

import json
import os

import click

from service.actor import system_actor
from service.bootstrap import build_services
from service.config import Config
from service.detectors import Rate
from service.use_cases.measure_detectors import Measured, measure_detectors
from service.use_cases.pilot_report import (
    LEAST_PEOPLE,
    DetectorGroup,
    Group,
    pilot_report,
    show_rate,
    show_report,
)

_ACTOR = system_actor("pilot")


@click.group()
def pilot() -> None:
    """What came of rollout stages and detectors."""


@pilot.command()
@click.option("--programme", help="This one alone.")
@click.option("--json", "as_json", is_flag=True, help="As `GET /v1/pilots` answers.")
def report(programme: str | None, as_json: bool) -> None:
    """Compare the arms of every rung that is counted: live, pilot, outside, shadow."""
    services = build_services(Config.for_running_instance(os.environ), pool_size=1)
    try:
        with services.unit(_ACTOR) as unit:
            found = pilot_report(unit, programme)
    finally:
        services.close()
    if as_json:
        click.echo(json.dumps(show_report(found), indent=2, ensure_ascii=False))
        return
    for group in found.groups:
        _show_group(group)
    for each in found.detectors:
        _show_detector(each)
    if not found.groups and not found.detectors:
        click.echo("nothing has been counted yet")


@pilot.command()
@click.option("--days-back", type=click.IntRange(1, 3650), default=30, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For other programs.")
def measure(days_back: int, as_json: bool) -> None:
    """Run the detectors as of DAYS_BACK days ago on everybody whose choices let them be read today, and see
    how often they were right: among those detected, and among those not. Keeps nothing."""
    services = build_services(Config.for_running_instance(os.environ), pool_size=1)
    try:
        found = measure_detectors(services, days_back)
    finally:
        services.close()
    if as_json:
        click.echo(json.dumps([_measured_json(each) for each in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("the policy has no detector that could be measured")
    for each in found:
        if each.people is None:
            click.echo(f"{each.detector}: fewer than {LEAST_PEOPLE} people may be looked at")
            continue
        click.echo(f"{each.detector}: {each.people:,} people may be looked at")
        for name, rate in (("detected", each.detected), ("not detected", each.rest)):
            few = f"fewer than {LEAST_PEOPLE} people"
            click.echo(f"  {name:<14}{few if rate is None else _rate(rate)}")


def _measured_json(each: Measured) -> dict[str, object]:
    return {
        "detector": each.detector,
        "people": each.people,
        "detected": None if each.detected is None else show_rate(each.detected),
        "rest": None if each.rest is None else show_rate(each.rest),
    }


def _show_group(group: Group) -> None:
    arm = group.arm
    head = f"{arm.programme} · {arm.strategy} · {arm.category} · {arm.stage}"
    if group.people is None:
        click.echo(f"{head}: fewer than {LEAST_PEOPLE} people")
        return
    click.echo(f"{head}: {group.people:,} people, {group.proposed:,} proposed, {group.shadows:,} shadows")
    for name, rate in group.rates.items():
        click.echo(f"  {name:<14}{_rate(rate)}")
    for name, rating in group.ratings.items():
        click.echo(f"  {name:<14}{rating.mean:.2f} from {rating.count:,}")
    if group.days_late is not None:
        click.echo(f"  bought {group.days_late:+.1f} days from the forecast's middle, on average")


def _show_detector(group: DetectorGroup) -> None:
    head = f"detector {group.detector} · {group.arm.stage}"
    if group.people is None:
        click.echo(f"{head}: fewer than {LEAST_PEOPLE} people")
        return
    click.echo(f"{head}: {group.people:,} people, {group.events:,} events, {group.withdrawn:,} withdrawn")
    if group.hits is not None:
        click.echo(f"  {'hits':<14}{_rate(group.hits)}")


def _rate(rate: Rate) -> str:
    return f"{rate.value:6.1%}  ({rate.low:.1%} to {rate.high:.1%})  {rate.count:,} of {rate.of:,}"
