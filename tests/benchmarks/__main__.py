"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

from tests.benchmarks import barrier, bulk, consents, decisions, evaluator, ledger, permits, rotation

for measure in (evaluator, bulk, decisions, permits, consents, barrier, ledger, rotation):
    measure.main()
