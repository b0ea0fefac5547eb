"""Whether a signal may be stored at all (api.md, "Signals"): purpose limitation at the door.

A signal that is refused is not stored, not logged, not queued.
"""

from __future__ import annotations

from datetime import datetime

from service.policy.parts import Data
from service.policy.policy import Policy
from service.policy.purposes import holds, status_blocker
from service.policy.values import State

SIGNAL_REFUSALS: tuple[str, ...] = (
    "subject_unknown",
    "subject_erased",
    "processing_restricted",
    "signal_unknown",
    "category_unknown",
    "data_not_shared",
    "no_purpose_in_force",
    "category_requires",
)


def signal_refusal(
    policy: Policy, state: State | None, signal_type: str, category: str | None, now: datetime
) -> str | None:
    """Why a signal must not be stored, as the first of SIGNAL_REFUSALS that applies; None if it may be.

    What `*` requires is required of signals without a category too.
    """
    blocker = status_blocker(state)
    if state is None or blocker is not None:
        return blocker
    signal = policy.signals.get(signal_type)
    if signal is None:
        return "signal_unknown"
    if category is not None and not policy.knows_category(category):
        return "category_unknown"
    return _data_refusal(policy, state, policy.data[signal.data], now) or _category_refusal(
        policy, state, category, now
    )


def _data_refusal(policy: Policy, state: State, data: Data, now: datetime) -> str | None:
    if not data.necessary and state.sharing.get(data.name) is not True:
        return "data_not_shared"
    covering = (name for name, purpose in policy.purposes.items() if data.name in purpose.data)
    return None if any(holds(policy, state, name, now) for name in covering) else "no_purpose_in_force"


def _category_refusal(policy: Policy, state: State, category: str | None, now: datetime) -> str | None:
    entries = (policy.categories[path] for path in policy.prefixes(category or "*"))
    required = (name for entry in entries for name in entry.requires)
    return None if all(holds(policy, state, name, now) for name in required) else "category_requires"
