"""What becomes of a reorder whose order may not leave now: it is held, asked about again, or ended."""

from __future__ import annotations

from datetime import datetime

from service.policy import LEVEL_NAMES, REASON_CODES, Level
from service.storage.held_reorders import forget_held, put_held
from service.storage.reorders import Reorder, ReorderDetails, move_reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.step_down import step_down
from service.use_cases.verdict import LOOK_AGAIN, Does, Verdict

HELD = "held"


def carry_out(unit: Unit, subject: Subject, reorder: Reorder, verdict: Verdict) -> None:
    """Of a locked subject, whose message for this reorder has been ended."""
    if verdict.does is Does.ask and step_down(unit, subject, reorder, verdict.reason, verdict.denied):
        forget_held(unit, reorder.id)
    elif verdict.until is not None:
        hold_reorder(unit, subject, reorder, verdict)
    else:
        forget_held(unit, reorder.id)
        move_reorder(unit, subject, reorder, "cancelled", verdict.reason)


def hold_reorder(unit: Unit, subject: Subject, reorder: Reorder, verdict: Verdict) -> None:
    """Keep it back, and have it looked at again. Held for the same reason as before, it takes no new step."""
    details = reorder.details
    assert details is not None
    if reorder.state != HELD or details.history[-1].reason != verdict.reason:
        move_reorder(unit, subject, reorder, HELD, verdict.reason)
    put_held(unit, subject.id, reorder.id, details.candidate.sku, verdict.until or unit.now + LOOK_AGAIN)


def state_before_hold(details: ReorderDetails) -> str:
    """Where it stood when it was held; `proposed` for one that never was anything else. An order that found
    no way to the shop failed from where it stood."""
    passed = (HELD, "failed")
    return next((step.state for step in reversed(details.history) if step.state not in passed), "proposed")


def is_own(details: ReorderDetails) -> bool:
    """Whether it is an order that the person gave, held or not, which has not become a question again."""
    return state_before_hold(details) == "approved"


def held_since(details: ReorderDetails) -> datetime | None:
    """When the hold began that it is in; None for one that is not held."""
    since = None
    for step in reversed(details.history):
        if step.state != HELD:
            break
        since = step.at
    return since


def asked_because(details: ReorderDetails) -> str | None:
    """Why the person is asked about an order that was to leave: the code that made it a proposal again. None
    for a reorder that is not waiting for such an answer."""
    asked = ("proposed", "reminded")
    if details.history[-1].state not in asked or details.strategy != LEVEL_NAMES[Level.coach]:
        return None
    last = next(step for step in reversed(details.history) if step.state == "proposed")
    return last.reason if last.reason == "price_changed" or last.reason in REASON_CODES else None
