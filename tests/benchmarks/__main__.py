"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

from tests.benchmarks import (
    barrier,
    bulk,
    consents,
    decisions,
    due_reorders,
    evaluator,
    ledger,
    permits,
    rotation,
    scan,
)

for measure in (
    evaluator, bulk, decisions, permits, consents, barrier, scan, due_reorders, ledger, rotation
):  # fmt: skip
    measure.main()
