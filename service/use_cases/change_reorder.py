"""Change how much a prepared order is for."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from service.policy import LEVEL_NAMES, Candidate, Level, Outcome
from service.storage.decisions import record_decisions
from service.storage.outbox import ORDER, end_message
from service.storage.products import read_products
from service.storage.reorders import ReorderDetails
from service.storage.unit import Unit
from service.use_cases.announcement import announced_order, announcement
from service.use_cases.ask_again import as_permitted
from service.use_cases.check_goods import check_goods
from service.use_cases.decide import evaluate_state
from service.use_cases.fields_read import fields_read
from service.use_cases.own_reorder import Answered, Own, answered, hold_own, messages_of, take_step
from service.use_cases.queue_message import queue_message
from service.use_cases.refused import refused


def change_reorder(unit: Unit, reorder_id: UUID, quantity: int) -> Answered:
    """The same order for another quantity. It is evaluated as the order that it now is, and must fit the
    mandate where it is automatic, and the product's limit in any case.

    The person chose it, so an announced order keeps its date. Raises ConflictError with `reasons`, each with
    what the person can do about it, and otherwise as `approve_reorder` does.
    """
    own = hold_own(unit, reorder_id, "change")
    if quantity == own.details.candidate.quantity:
        return answered(unit, own)
    candidate = _priced(unit, own.details, replace(own.details.candidate, quantity=quantity))
    decision = _permit(unit, own, candidate)
    changed = {"candidate": candidate} | ({"decision": decision} if _is_automatic(own.details) else {})
    own = take_step(unit, own, own.reorder.state, "changed", changed)
    _replace_messages(unit, own)
    return answered(unit, own)


def _priced(unit: Unit, details: ReorderDetails, candidate: Candidate) -> Candidate:
    """At the price of today where the person is still to approve it; what was announced keeps its price, and
    does not leave at another."""
    if _is_automatic(details):
        return candidate
    product = read_products(unit.db, [candidate.sku]).get(candidate.sku)
    if product is None:
        return candidate
    return replace(candidate, price_minor=product.price_minor, currency=product.currency)


def _is_automatic(details: ReorderDetails) -> bool:
    return details.strategy == LEVEL_NAMES[Level.automate]


def _permit(unit: Unit, own: Own, candidate: Candidate) -> str:
    """The decision's id. What is to be approved is evaluated as the customer's own order that it will be."""
    strategy = own.details.strategy if _is_automatic(own.details) else LEVEL_NAMES[Level.respond]
    asked = as_permitted(candidate, strategy)
    decision = evaluate_state(unit.in_force, own.subject.state(unit.now), [asked], unit.now)[0]
    if decision.outcome is Outcome.deny:
        raise refused([reason.to_dict() for reason in decision.reasons], state=own.reorder.state)
    verdict, _ = check_goods(unit, own.subject, candidate)
    if verdict is not None:
        reason = {"strategy": None, "code": verdict.reason, "on": candidate.sku, "remedy": None}
        raise refused([reason], state=own.reorder.state)
    [kept] = record_decisions(unit, own.subject, [asked], [decision], fields_read(unit.policy, [asked]))
    return kept


def _replace_messages(unit: Unit, own: Own) -> None:
    """What waits to be said or ordered says the new quantity, at the instant at which it was to go. What was
    tried is left alone, since it may have arrived; a notice's order is made of the reorder as it is then."""
    for entry in messages_of(unit, own):
        if entry.state != "queued" or entry.attempts > 0 or entry.message is None:
            continue
        end_message(unit, entry.id, "cancelled")
        if entry.message.kind == ORDER:
            message = announced_order(own.details, own.details.decision)
        else:
            message = announcement(own.details)
        queue_message(unit, own.subject, message, entry.due_at)
