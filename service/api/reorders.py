"""Reorders: what was proposed to a customer, and what became of it."""

from __future__ import annotations

from typing import Any

from schemas.reorders import ReorderAnsweredShape, ReordersShape, WithdrawnShape, WithdrawShape
from service import ids
from service.api.auth import allow
from service.api.context import reach, unit
from service.api.openapi import Routes
from service.errors import ConflictError, InputFault, InvalidInputError
from service.instants import show_instant
from service.storage.subjects import read_subject
from service.storage.withdrawals import REFUSED
from service.use_cases.answer_reorder import Answered, approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.list_reorders import list_reorders
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
    """All of one's own, newest first."""
    with unit() as u:
        found = list_reorders(u, read_subject(u, reach(subject)))
    return {"reorders": found}


@routes.post("/reorders/<reorder>/approve")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def approve(reorder: str) -> dict[str, Any]:
    """Order it. It is your own order then, which no withdrawal of reminders cancels."""
    with unit() as u:
        answered = approve_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


@routes.post("/reorders/<reorder>/skip")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def skip(reorder: str) -> dict[str, Any]:
    """Not this time. This is also the veto against an automatic order that was announced."""
    with unit() as u:
        answered = skip_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


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
        "id": ids.show(ids.REORDER, answered.reorder.id),
        "state": answered.state,
        "cancelled": answered.stopped.cancelled,
        "irrevocable": answered.stopped.irrevocable,
    }
