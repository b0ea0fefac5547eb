"""The demo's detectors and its pilot, measured on the demo's own population. `-s` shows the figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.actor import system_actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.embedded.demo.load import load
from service.use_cases.measure_detectors import measure_detectors
from service.use_cases.pilot_report import LEAST_PEOPLE, pilot_report
from service.use_cases.propose_reorders import Scanned, propose_reorders

_ACTOR = system_actor("test")


@pytest.fixture
def services(database: str, tmp_path: Path) -> Iterator[Services]:
    config = Config.from_environ({"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_DATABASE_URL": database})
    create_key_file(config.key_file)
    services = build_services(config)
    load(services, services.now, lambda _: None)
    yield services
    services.close()


def scan(services: Services) -> Scanned:
    total = Scanned()
    while True:
        with services.unit(_ACTOR) as unit:
            scanned = propose_reorders(unit, 50)
        total += scanned
        if scanned.looked < 50:
            return total


def test_the_demo_population(services: Services) -> None:
    measured = {each.detector: each for each in measure_detectors(services, 60)}
    for each in measured.values():
        print(each)
    assert measured.keys() == {"run_out", "lapsed", "moved_on", "dissatisfied", "likely_to_leave"}
    assert all(each.people is not None and each.people > 100 for each in measured.values())
    # What was said to run out was bought again within three weeks clearly more often than the rest.
    detected, rest = measured["run_out"].detected, measured["run_out"].rest
    assert detected is not None
    assert rest is not None
    assert detected.of > 30
    assert detected.value > rest.high
    # Nobody in the demo sends anything back, so there is nothing to say of it.
    assert measured["dissatisfied"].detected is None

    assert scan(services).failed == 0
    with services.unit(_ACTOR) as unit:
        report = pilot_report(unit)
    for group in [*report.groups, *report.detectors]:
        print(group)
    found = {(group.arm.strategy, group.arm.category, group.arm.stage): group for group in report.groups}
    shadow = found["coach", "beauty", "shadow"]
    assert shadow.people is not None
    assert shadow.shadows >= shadow.people >= LEAST_PEOPLE
    assert shadow.proposed == 0
    assert found["coach", "*", "live"].proposed >= LEAST_PEOPLE
    events = {(group.detector, group.arm.stage): group for group in report.detectors}
    assert events["run_out", "shadow"].events >= LEAST_PEOPLE
