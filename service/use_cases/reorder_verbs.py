"""What a customer can do with a reorder, and in which states (api.md, "Reorders")."""

from __future__ import annotations

from types import MappingProxyType

from service.policy import LEVEL_NAMES, Level
from service.storage.reorders import OPEN, Reorder

_COACH = LEVEL_NAMES[Level.coach]

_UNANSWERED = ("proposed", "reminded")
VERBS = MappingProxyType(
    {
        "approve": _UNANSWERED,
        # A held one does not wait for a date or a quantity, but for what holds it.
        "snooze": (*_UNANSWERED, "announced"),
        "change": (*_UNANSWERED, "announced"),
        "skip": OPEN,
        "have-plenty": OPEN,
        # Also an order of one's own that has not been handed over.
        "cancel": (*OPEN, "approved"),
        "repeat": ("dispatched", "delivered"),
    }
)


def actions(reorder: Reorder) -> list[str]:
    """The verbs that can be used now."""
    return [verb for verb in VERBS if can(reorder, verb)]


def can(reorder: Reorder, verb: str) -> bool:
    """An automatic order is not approved: it has its mandate, and a veto until it is handed over."""
    details = reorder.details
    if details is None or reorder.state not in VERBS[verb]:
        return False
    return verb != "approve" or details.strategy == _COACH
