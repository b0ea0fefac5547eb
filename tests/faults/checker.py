"""Decides from histories alone whether the promises held: pure, no clock, no database, no service.

It judges by intervals. Something is a violation only if no order of effects that the intervals allow explains
what was seen; where two operations overlapped, either order is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.barrier_rule import forbidden_arrivals
from tests.faults.handover_rule import double_handovers
from tests.faults.history import Arrival, Operation
from tests.faults.progress_rule import never_ended
from tests.faults.violation import Violation
from tests.faults.write_rule import lost_writes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checker looked at, and what it found."""

    operations: int
    arrivals: int
    violations: list[Violation]


def check(
    operations: Sequence[Operation], arrivals: Sequence[Arrival], *, ended: float, settle: float
) -> Verdict:
    """`ended`: when the last look was taken. `settle`: seconds that what stays allowed may take."""
    violations = [
        *forbidden_arrivals(operations, arrivals),
        *lost_writes(operations),
        *double_handovers(operations, arrivals),
        *never_ended(operations, arrivals, ended=ended, settle=settle),
    ]
    return Verdict(len(operations), len(arrivals), violations)
