"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

from tests.benchmarks import (
    barrier,
    bulk,
    consents,
    decisions,
    due_reorders,
    evaluator,
    forecast,
    ledger,
    permits,
    real_set,
    rotation,
    scan,
)

for measure in (
    *(evaluator, bulk, decisions, permits, consents),
    *(barrier, scan, due_reorders, ledger, rotation),
):
    measure.main()
if real_set.is_installed():
    forecast.main()
