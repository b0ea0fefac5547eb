"""The cases of the specification, each answered exactly (promise P5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.policy import Policy, evaluate, load_policy, read_candidate, read_now, read_state

VECTORS = Path(__file__).with_name("vectors")
CASES = [json.loads(line) for line in (VECTORS / "decisions.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def policies() -> dict[str, Policy]:
    names = ("pharmacy", "fashion")
    return {name: load_policy(json.loads((VECTORS / f"policy-{name}.json").read_text())) for name in names}


def test_all_are_here() -> None:
    assert len(CASES) == 900


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["candidate"]["id"])
def test_vector(case: dict[str, Any], policies: dict[str, Policy]) -> None:
    decision = evaluate(
        policies[case["policy"]],
        read_state(case["state"]),
        read_candidate(case["candidate"]),
        read_now(case["now"]),
    )
    # Compared as text, so that the order of keys counts too.
    assert json.dumps(decision.to_dict()) == json.dumps(case["expected"])
