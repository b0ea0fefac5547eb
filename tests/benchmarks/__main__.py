"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

from tests.benchmarks import bulk, decisions, evaluator, rotation

for measure in (evaluator, bulk, decisions, rotation):
    measure.main()
