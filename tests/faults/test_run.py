"""The short form of `make faults`: half a minute against a real installation, and proof that it can fail."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.faults import barrier_rule, write_rule
from tests.faults.nemesis import FEW
from tests.faults.run import Plan, run
from tests.workers.rabbitmq import is_installed

# Nothing but the switch goes wrong, and few people are asked by many, so that calls meet.
CROWDED = {"seconds": 10.0, "clients": 8, "people": 2, "pause": 0.03, "faults": (), "settle": 5.0}


@pytest.mark.timeout(240)
def test_promises_hold_while_things_go_wrong(open_folder: Path) -> None:
    report = run(Plan(seed=20, seconds=16.0, faults=FEW, longest=3.0), open_folder, print)
    print(*report.lines(), sep="\n")
    assert report.violations == []
    assert report.unread == 0
    # A run in which little happened would prove little.
    assert sum(report.faults.values()) >= 5
    assert report.operations["write"] > 100
    assert report.operations["signal again"] > 5
    assert report.cancelled > 0
    if report.delivers:
        assert report.received > 0


@pytest.mark.timeout(240)
@pytest.mark.skipif(not is_installed(), reason="Debian's rabbitmq-server is not installed here")
def test_promises_hold_over_rabbitmq(open_folder: Path) -> None:
    faults = ("the broker forgets", "kill -9 of the worker", "the broker is cut off")
    plan = Plan(seed=21, seconds=8.0, faults=faults, longest=3.0, broker="rabbitmq")
    report = run(plan, open_folder, print)
    print(*report.lines(), sep="\n")
    assert report.violations == []
    assert set(report.faults) == set(faults)


@pytest.mark.whole
@pytest.mark.timeout(180)
def test_a_service_that_forgets_is_found_out(open_folder: Path) -> None:
    report = run(Plan(seed=22, switch="forget", **CROWDED), open_folder, print)
    found = {violation.rule for violation in report.violations}
    assert {write_rule.LOST, write_rule.BACKWARDS} <= found, report.lines()


@pytest.mark.timeout(180)
@pytest.mark.skipif(
    find_spec("service.use_cases.claim_message") is None,
    reason="nothing is handed over yet, so that a missing lock leaves no trace that a client could see",
)
def test_a_missing_lock_is_found_out(open_folder: Path) -> None:
    # Everybody withdraws just when something is on its way; enough web processes that calls meet in them.
    busy = CROWDED | {"seconds": 20.0, "people": 8}
    plan = Plan(seed=23, switch="no-lock", often={"waver": 1}, web_workers=4, **busy)
    report = run(plan, open_folder, print)
    found = {violation.rule for violation in report.violations}
    assert found & {barrier_rule.ARRIVED, barrier_rule.CANCELLED}, report.lines()
