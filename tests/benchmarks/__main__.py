"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

from tests.benchmarks import bulk, consents, decisions, evaluator, ledger

for measure in (evaluator, bulk, decisions, consents, ledger):
    measure.main()
