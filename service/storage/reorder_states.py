"""The states of a reorder, and which may follow which (api.md, "Reorders").

This is the one table that every move is checked against. A state that follows itself is a step that leaves it
where it is: a changed quantity, a later reminder, a parcel that came back.
"""

from __future__ import annotations

from types import MappingProxyType

from service.errors import ConflictError

# What a reorder may begin as: a proposal, or an order that the customer gave by themselves.
FIRST = ("proposed", "approved")

_STOPPED = ("held", "skipped", "cancelled", "failed")

NEXT = MappingProxyType(
    {
        "proposed": frozenset({"proposed", "reminded", "announced", "approved", *_STOPPED}),
        # Back to `proposed`: put off, and to be said again.
        "reminded": frozenset({"reminded", "proposed", "approved", *_STOPPED}),
        # Without the customer's approval, but with their mandate. To `reminded` or `proposed`: what may no
        # longer be ordered automatically may still be suggested.
        "announced": frozenset({"announced", "proposed", "reminded", "dispatched", *_STOPPED}),
        "approved": frozenset({"approved", "proposed", "reminded", "dispatched", *_STOPPED}),
        # What was missing may turn up: the notice arrives after all, somebody approves, the price is back.
        "held": frozenset({"proposed", "reminded", "announced", "approved", "dispatched", *_STOPPED}),
        # `dispatched` is the claim of the first attempt, so the shop may yet refuse it.
        "dispatched": frozenset({"dispatched", "delivered", "failed"}),
        "delivered": frozenset({"delivered"}),
        # An operator has it delivered again, if it still fits; or the shop had taken it after all. To
        # `proposed`: one that never left, and has another price by then.
        "failed": frozenset({"proposed", "dispatched", "held", "delivered", "cancelled"}),
        "skipped": frozenset[str](),
        "cancelled": frozenset[str](),
    }
)
STATES = tuple(NEXT)


def require_next(state: str, to: str) -> None:
    """Raises ConflictError, which names the state, for a move that the table does not have."""
    if to not in NEXT[state]:
        raise ConflictError(f"a reorder that is {state} cannot become {to}", state=state)
