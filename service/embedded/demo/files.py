"""The demo's data files, read once a process and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from service.policy import Policy, load_policy

_FOLDER = Path(__file__).parent
# libyaml reads the policy in a twentieth of the time, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def read_data(name: str) -> Any:
    """The document in `name`.yaml, which callers must not change."""
    return yaml.load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), _LOADER)  # noqa: S506 (a safe loader)


@cache
def demo_policy() -> Policy:
    """The pharmacy's policy, checked."""
    document: Mapping[str, Any] = read_data("policy")
    return load_policy(document)
