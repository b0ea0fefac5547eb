"""The control level a person has set for a category (decision.md, the row `control_level`; law.md C2)."""

from __future__ import annotations

from service.policy.levels import Level
from service.policy.paths import lies_under
from service.policy.policy import Policy
from service.policy.values import State


def effective_level(policy: Policy, state: State, category: str) -> tuple[Level, str]:
    """The level, and the key of `levels` that decided: the longest prefix, then `*`, else `default`."""
    deepest = None
    for path in state.levels:
        if lies_under(category, path) and (deepest is None or len(path) > len(deepest)):
            deepest = path
    if deepest is None and "*" in state.levels:
        deepest = "*"
    if deepest is None:
        return policy.default_level, "default"
    return state.levels[deepest], deepest
