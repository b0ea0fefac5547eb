"""Cancel what a change of choices no longer permits (guarantees P1, law.md C3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.ids import REORDER, show
from service.policy import LEVELS, Outcome, evaluate
from service.storage.reorders import ReorderDetails, move_reorder, read_open_reorders
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.stop_permits import stop_permits


def cancel_forbidden(unit: Unit, subject: Subject) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(cancelled, irrevocable) of a locked subject whose choices have just changed in this transaction.

    Each is {id, kind, strategy}. A reorder stays open only if its candidate, evaluated again at the rung it
    was permitted, may still go (now or later); one that cannot be read cannot be shown to be permitted, so
    it is cancelled too. Irrevocable is what has already been handed over: permits that were redeemed.
    """
    cancelled, irrevocable = stop_permits(unit, subject)
    for reorder in read_open_reorders(unit, subject):
        reason = "unreadable" if reorder.details is None else _why_not(unit, subject, reorder.details)
        if reason is not None and move_reorder(unit, subject, reorder, "cancelled", reason):
            strategy = None if reorder.details is None else reorder.details.strategy
            cancelled.append({"id": show(REORDER, reorder.id), "kind": "reorder", "strategy": strategy})
    return cancelled, irrevocable


def _why_not(unit: Unit, subject: Subject, details: ReorderDetails) -> str | None:
    """The code of the first reason that now forbids it; None if it is still permitted."""
    # No fallback: a reorder that may now only go lower is another proposal, with another text and date.
    asked = replace(details.candidate, strategy=LEVELS[details.strategy], fallback=False)
    decision = evaluate(unit.policy, subject.state(unit.now), asked, unit.now)
    return decision.reasons[0].code if decision.outcome is Outcome.deny else None
