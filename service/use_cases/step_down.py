"""An order that would now be another one becomes a prepared order with a reminder: the person decides
(law.md A4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.policy import LEVEL_NAMES, Level, Reason
from service.storage.decisions import record_decisions
from service.storage.products import read_products
from service.storage.reorders import Reorder, move_reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.announcement import announcement
from service.use_cases.decide import evaluate_state
from service.use_cases.fields_read import fields_read
from service.use_cases.queue_message import queue_message


def step_down(
    unit: Unit, subject: Subject, reorder: Reorder, reason: str, passed: Sequence[Reason] = ()
) -> bool:
    """Prepare it at today's price and remind, saying why; False, with nothing changed, where the person wants
    no reminders or the product is gone. `passed` are the gate's reasons against the rung above."""
    details = reorder.details
    assert details is not None
    product = read_products(unit.db, [details.candidate.sku]).get(details.candidate.sku)
    if product is None:
        return False
    asked = replace(
        details.candidate,
        strategy=Level.coach,
        price_minor=product.price_minor,
        currency=product.currency,
        fallback=False,
    )
    [decision] = evaluate_state(unit.in_force, subject.state(unit.now), [asked], unit.now)
    if decision.strategy is not Level.coach:
        return False
    [kept] = record_decisions(unit, subject, [asked], [decision], fields_read(unit.policy, [asked]))
    changed = {
        "candidate": replace(asked, fallback=True),
        "strategy": LEVEL_NAMES[Level.coach],
        "channel": decision.channel,
        "decision": kept,
        "reasons": [each.to_dict() for each in (*passed, *decision.reasons)],
    }
    if not move_reorder(unit, subject, reorder, "proposed", reason, changed=changed):
        return False
    queue_message(unit, subject, announcement(details, why=reason), decision.not_before or unit.now)
    return True
