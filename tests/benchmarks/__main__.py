"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

from tests.benchmarks import bulk, decisions, evaluator

for measure in (evaluator, bulk, decisions):
    measure.main()
