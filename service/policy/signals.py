"""Whether a signal may be stored at all (api.md, "Signals"): purpose limitation at the door.

A signal that is refused is not stored, not logged, not queued.
"""

from __future__ import annotations

from datetime import datetime

from service.policy.policy import Policy
from service.policy.purposes import holds
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
    if state is None:
        return "subject_unknown"
    if state.status != "active":
        return "subject_erased" if state.status == "erased" else "processing_restricted"
    signal = policy.signals.get(signal_type)
    if signal is None:
        return "signal_unknown"
    if category is not None and not policy.knows_category(category):
        return "category_unknown"
    if not policy.data[signal.data].necessary and state.sharing.get(signal.data) is not True:
        return "data_not_shared"
    covering = (name for name, purpose in policy.purposes.items() if signal.data in purpose.data)
    if not any(holds(policy, state, name, now) for name in covering):
        return "no_purpose_in_force"
    entries = [policy.categories[path] for path in policy.prefixes(category or "*")]
    required = (name for entry in entries for name in entry.requires)
    if not all(holds(policy, state, name, now) for name in required):
        return "category_requires"
    return None
