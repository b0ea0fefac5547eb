"""Evaluate what was permitted once more, just before it leaves or after a change (guarantees P1)."""

from __future__ import annotations

from dataclasses import replace

from service.policy import LEVELS, Candidate, Contact, Decision, Order, Outcome, State
from service.storage.outbox import ORDER, Message
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.decide import evaluate_state


def ask_again(unit: Unit, subject: Subject, message: Message) -> tuple[Candidate, Decision]:
    """What is asked of the gate for a message of a locked subject, and its answer now.

    Asked at the permitted rung, without fallback: what may now only go lower is another message. One that was
    claimed before keeps its channel, and its own contact or order does not stand in its way.
    """
    asked = as_permitted(message.candidate, message.strategy)
    if message.channel is not None:
        asked = replace(asked, channels=(message.channel,))
    state = _without_own(subject.state(unit.now), message)
    return asked, evaluate_state(unit.in_force, state, [asked], unit.now)[0]


def why_not(unit: Unit, subject: Subject, message: Message) -> str | None:
    """The code of the first reason that now forbids it; None if it may still go, now or later."""
    decision = ask_again(unit, subject, message)[1]
    return decision.reasons[0].code if decision.outcome is Outcome.deny else None


def as_permitted(candidate: Candidate, strategy: str) -> Candidate:
    return replace(candidate, strategy=LEVELS[strategy], fallback=False)


def _without_own(state: State, message: Message) -> State:
    """Others of the same instant and kind still count: one record is one hand-over."""
    if message.counted_at is None:
        return state
    if message.kind == ORDER:
        orders = list(state.orders)
        drop_own_order(orders, message)
        return replace(state, orders=tuple(orders))
    contacts = list(state.contacts)
    drop_own_contact(contacts, message)
    return replace(state, contacts=tuple(contacts))


def drop_own_contact(contacts: list[Contact], message: Message) -> None:
    """Take out the one contact that an earlier claim of the message left, if it is there."""
    mine = (message.counted_at, message.channel, message.candidate.programme)
    found = next((c for c in contacts if (c.at, c.channel, c.programme) == mine), None)
    if found is not None:
        contacts.remove(found)


def drop_own_order(orders: list[Order], message: Message) -> None:
    """The same for an order."""
    mine = (message.counted_at, message.candidate.sku)
    found = next((o for o in orders if (o.at, o.sku) == mine), None)
    if found is not None:
        orders.remove(found)
