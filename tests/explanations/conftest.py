"""The demo's policy, which names everything in five languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from service.policy import Policy, load_policy

POLICY_FILE = Path(__file__).parents[2] / "service" / "embedded" / "demo" / "policy.yaml"


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(POLICY_FILE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def policy(document: dict[str, Any]) -> Policy:
    return load_policy(document)
