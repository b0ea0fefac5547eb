"""Order again what was ordered before, in one call (`respond`): also for somebody who shares nothing.

The customer asks and names the goods, so nothing that is known about the person is read but their choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service.errors import ConflictError, InputFault, InvalidInputError, NotFoundError
from service.ids import REORDER, new_id, show
from service.policy import LEVEL_NAMES, Candidate, Level, Outcome, Policy
from service.storage.decisions import record_decisions
from service.storage.products import Product, read_products
from service.storage.reorders import ReorderDetails, insert_reorder, read_reorder, step
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.announcement import customers_order
from service.use_cases.check_goods import check_goods
from service.use_cases.decide import evaluate_state
from service.use_cases.fields_read import fields_read
from service.use_cases.foresee_run_outs import replenishment
from service.use_cases.list_reorders import show_own
from service.use_cases.queue_message import queue_message
from service.use_cases.refused import refused
from service.use_cases.reorder_candidate import channels_of
from service.use_cases.reorder_verbs import can


@dataclass(frozen=True, slots=True)
class RepeatOrder:
    """Either an earlier reorder or a sku. `price_minor`: the price of one pack that the customer saw."""

    order: UUID | None = None
    sku: str | None = None
    quantity: int | None = None
    price_minor: int | None = None


def repeat_order(unit: Unit, subject_id: UUID, command: RepeatOrder) -> dict[str, Any]:
    """The order as `list_reorders` shows it: the customer's own, on its way to the shop, at the price of now.

    Raises NotFoundError for another's order; ConflictError for one that never left, for another price than
    the customer saw, and, with `reasons`, for what may not be ordered so; InvalidInputError for an unknown
    sku.
    """
    subject = lock_subject(unit, unit.actor.reach(subject_id))
    sku, quantity = _named(unit, subject, command)
    product = read_products(unit.db, [sku]).get(sku)
    if product is None:
        raise _not_sold(command)
    if command.price_minor not in (None, product.price_minor):
        raise ConflictError(
            "the price is another one now",
            reason="price_changed",
            price_minor=product.price_minor,
            currency=product.currency,
        )
    reorder = new_id()
    candidate = _candidate(unit.policy, subject, product, quantity, show(REORDER, reorder))
    decision = _permit(unit, subject, product, candidate)
    details = ReorderDetails(
        candidate=candidate,
        name=product.name,
        strategy=LEVEL_NAMES[Level.respond],
        channel=None,
        run_out=None,
        decision=decision,
        reasons=[],
        cycle=candidate.id,
        history=[step(unit, "approved", "repeated")],
    )
    insert_reorder(unit, subject, reorder, details.cycle, details)
    queue_message(unit, subject, customers_order(details), unit.now)
    made = read_reorder(unit, subject, reorder)
    assert made is not None
    return show_own(unit, subject, made)


def _named(unit: Unit, subject: Subject, command: RepeatOrder) -> tuple[str, int]:
    if command.order is None:
        assert command.sku is not None
        return command.sku, command.quantity or 1
    earlier = read_reorder(unit, subject, command.order)
    if earlier is None or earlier.details is None:
        raise NotFoundError(REORDER)
    if not can(earlier, "repeat"):
        raise ConflictError("this order never left, so there is nothing to repeat", state=earlier.state)
    candidate = earlier.details.candidate
    return candidate.sku, command.quantity or candidate.quantity


def _not_sold(command: RepeatOrder) -> ConflictError | InvalidInputError:
    if command.order is not None:
        return ConflictError("this is not sold any more", reason="not_sold")
    return InvalidInputError([InputFault("/sku", "is not in the catalogue")])


def _candidate(policy: Policy, subject: Subject, product: Product, quantity: int, name: str) -> Candidate:
    programme = replenishment(policy)
    if programme is None:
        raise refused([{"strategy": None, "code": "programme_unknown", "on": None, "remedy": None}])
    return Candidate(
        id=name,
        programme=programme.name,
        strategy=Level.respond,
        category=product.category,
        sku=product.sku,
        channels=channels_of(policy, subject.choices),
        data=(),
        quantity=quantity,
        price_minor=product.price_minor,
        currency=product.currency,
        fallback=False,
    )


def _permit(unit: Unit, subject: Subject, product: Product, candidate: Candidate) -> str:
    """The decision's id."""
    [decision] = evaluate_state(unit.in_force, subject.state(unit.now), [candidate], unit.now)
    if decision.outcome is not Outcome.allow:
        raise refused([reason.to_dict() for reason in decision.reasons])
    verdict, _ = check_goods(unit, subject, candidate)
    held = None if verdict is None else verdict.reason
    if product.prescription or _needs_prescription(unit.policy, product.category):
        held = "prescription"
    if held is not None:
        raise refused([{"strategy": None, "code": held, "on": product.sku, "remedy": None}])
    [kept] = record_decisions(unit, subject, [candidate], [decision], fields_read(unit.policy, [candidate]))
    return kept


def _needs_prescription(policy: Policy, category: str) -> bool:
    entries = policy.document["categories"]
    return any((entries[path] or {}).get("prescription") is True for path in policy.prefixes(category))
