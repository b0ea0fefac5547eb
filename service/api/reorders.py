"""Reorders: what was proposed to a customer, and what became of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from schemas.reorders import (
    ChangeReorderShape,
    HavePlentyAnsweredShape,
    HavePlentyShape,
    ReorderAnsweredShape,
    ReorderShape,
    ReordersShape,
    RepeatOrderShape,
    SnoozeShape,
    WithdrawnShape,
    WithdrawShape,
)
from service import ids
from service.api import idempotency
from service.api.auth import allow
from service.api.context import reach, unit
from service.api.idempotency import idempotent
from service.api.openapi import Routes
from service.errors import ConflictError, InputFault, InvalidInputError
from service.instants import show_instant
from service.storage.subjects import read_subject
from service.storage.withdrawals import REFUSED
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.change_reorder import change_reorder
from service.use_cases.have_plenty import have_plenty
from service.use_cases.list_reorders import list_reorders
from service.use_cases.own_reorder import Answered
from service.use_cases.repeat_order import RepeatOrder, repeat_order
from service.use_cases.snooze_reorder import snooze_reorder
from service.use_cases.withdraw_from_contract import Withdrawn, is_address, one_line, withdraw_from_contract
from service.use_cases.withdrawal_terms import EXCEPTED, NOT_ORDERED, TOO_LATE

_WHY = {
    NOT_ORDERED: "there is no contract to withdraw from: nothing was ordered, or it was stopped",
    TOO_LATE: "the fourteen days after delivery are over",
    EXCEPTED: "these goods are excepted from the right to withdraw",
}

routes = Routes("reorders", "Reorders, from proposal to delivery")


@routes.get("/subjects/<subject>/reorders")
@routes.answer(200, ReordersShape)
@allow("customer")
def list_all(subject: str) -> dict[str, Any]:
    """All of one's own, newest first, each with what can be done about it now."""
    with unit() as u:
        found = list_reorders(u, read_subject(u, reach(subject)))
    return {"reorders": found}


@routes.post("/subjects/<subject>/reorders")
@routes.answer(201, ReorderShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body(RepeatOrderShape)
@allow("customer")
def repeat(body: dict[str, Any], subject: str) -> Response:
    """Order again, at the price of now: an earlier order, or a product by its sku. Nothing need be shared for
    it. What may not be ordered so is a 409 with `reasons`."""
    with unit() as u:
        owner = reach(subject)

        def make() -> tuple[int, dict[str, Any], UUID]:
            return 201, repeat_order(u, owner, RepeatOrder(**body)), owner

        return idempotent(u, make)


@routes.post("/reorders/<reorder>/approve")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def approve(reorder: str) -> dict[str, Any]:
    """Order it. It is your own order then, which no withdrawal of reminders cancels."""
    with unit() as u:
        answered = approve_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


@routes.post("/reorders/<reorder>/snooze")
@routes.answer(200, ReorderAnsweredShape)
@routes.body(SnoozeShape)
@allow("customer")
def snooze(body: dict[str, Any], reorder: str) -> dict[str, Any]:
    """Later: the reminder comes again then. An announced order is announced anew, and leaves then at the
    earliest."""
    with unit() as u:
        answered = snooze_reorder(u, ids.read(ids.REORDER, reorder), **body)
    return _answered(answered)


@routes.post("/reorders/<reorder>/change")
@routes.answer(200, ReorderAnsweredShape)
@routes.body(ChangeReorderShape)
@allow("customer")
def change(body: dict[str, Any], reorder: str) -> dict[str, Any]:
    """Another quantity. What the mandate or the product's limit does not cover is a 409 with `reasons`, each
    with its `remedy`."""
    with unit() as u:
        answered = change_reorder(u, ids.read(ids.REORDER, reorder), body["quantity"])
    return _answered(answered)


@routes.post("/reorders/<reorder>/skip")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def skip(reorder: str) -> dict[str, Any]:
    """Not this time. This is also the veto against an automatic order that was announced."""
    with unit() as u:
        answered = skip_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


@routes.post("/reorders/<reorder>/have-plenty")
@routes.answer(200, HavePlentyAnsweredShape)
@routes.body(HavePlentyShape)
@allow("customer")
def plenty(body: dict[str, Any], reorder: str) -> dict[str, Any]:
    """Not yet, there is enough left: this reorder ends, and the forecast is corrected. `units_left` is kept
    as a signal of usage if you share usage, and not at all otherwise."""
    with unit() as u:
        had = have_plenty(u, ids.read(ids.REORDER, reorder), body.get("units_left"))
    count = None if had.count is None else {"status": had.count.status, "reason": had.count.reason}
    return _answered(had.answered) | {"count": count}


@routes.post("/reorders/<reorder>/cancel")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def cancel(reorder: str) -> dict[str, Any]:
    """Not at all: also an order of one's own that has not been handed over to the shop."""
    with unit() as u:
        answered = cancel_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


@routes.post("/reorders/<reorder>/withdraw")
@routes.body(WithdrawShape)
@routes.answer(200, WithdrawnShape)
@allow("customer")
def withdraw(body: dict[str, Any], reorder: str) -> dict[str, Any]:
    """The right of fourteen days. Said twice, it is one withdrawal with one acknowledgement."""
    name, contact = one_line(body["name"]), body["contact"]
    faults = [] if name else [InputFault("/name", "is empty")]
    if contact is not None and not is_address(contact):
        faults.append(InputFault("/contact", "is not an e-mail address"))
    if faults:
        raise InvalidInputError(faults)
    with unit() as u:
        withdrawn = withdraw_from_contract(u, ids.read(ids.REORDER, reorder), name, contact)
    # After the commit: a refusal is kept too.
    return _withdrawn(withdrawn)


def _withdrawn(withdrawn: Withdrawn) -> dict[str, Any]:
    kept = withdrawn.withdrawal
    if kept.outcome == REFUSED:
        until = withdrawn.terms.until
        more = {} if until is None else {"until": show_instant(until)}
        raise ConflictError(_WHY[str(kept.details.reason)], reason=str(kept.details.reason), **more)
    return {
        "id": ids.show(ids.WITHDRAWAL, kept.id),
        "reorder": ids.show(ids.REORDER, kept.reorder),
        "state": withdrawn.reorder.state,
        "at": show_instant(kept.at),
        "name": kept.details.name,
        "contact": kept.details.contact,
        "acknowledgement": kept.details.text,
        "cancelled": withdrawn.stopped.cancelled,
        "irrevocable": withdrawn.stopped.irrevocable,
    }


def _answered(answered: Answered) -> dict[str, Any]:
    return {
        "id": answered.reorder["id"],
        "state": answered.state,
        "reorder": answered.reorder,
        "cancelled": answered.stopped.cancelled,
        "irrevocable": answered.stopped.irrevocable,
    }
