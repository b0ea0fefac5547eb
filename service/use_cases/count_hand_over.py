"""A hand-over counts from its claim on: contacts against caps, orders against a mandate's limits."""

from __future__ import annotations

from datetime import datetime, timedelta

from service.policy import LEVEL_NAMES, Candidate, Contact, Decision, Level, Order, narrowest_mandate
from service.storage.choices import Activity
from service.storage.outbox import ORDER, Message
from service.storage.subjects import Subject, save_activity
from service.storage.unit import Unit
from service.use_cases.ask_again import drop_own_contact, drop_own_order

SUPPLY_WINDOW = timedelta(days=30)


def count_hand_over(unit: Unit, subject: Subject, message: Message) -> None:
    """Record the hand-over of `message` by its channel at the unit's instant. One that was counted before is
    moved to this instant, not counted twice. `message` must be saved by the caller."""
    activity = _recent(unit, subject)
    if message.kind == ORDER:
        drop_own_order(activity.orders, message)
        # What the customer approved is no use of a mandate.
        automatic = message.strategy == LEVEL_NAMES[Level.automate]
        activity.orders.append(_order(unit, subject, message.candidate, automatic=automatic))
    elif message.channel is not None:
        drop_own_contact(activity.contacts, message)
        activity.contacts.append(Contact(unit.now, message.channel, message.candidate.programme))
    message.counted_at = unit.now
    subject.activity = activity
    save_activity(unit, subject)


def record_contact(unit: Unit, subject: Subject, candidate: Candidate, decision: Decision) -> None:
    """Record what `decision` allowed about `candidate`, for a locked subject: the contact, and the order
    where it was to be automatic."""
    activity = _recent(unit, subject)
    if decision.channel is not None:
        activity.contacts.append(Contact(unit.now, decision.channel, candidate.programme))
    if decision.strategy is Level.automate:
        activity.orders.append(_order(unit, subject, candidate, automatic=True))
    subject.activity = activity
    save_activity(unit, subject)


def latest_hand_over(subject: Subject) -> datetime | None:
    """The instant of the last contact or order."""
    made = [c.at for c in subject.activity.contacts] + [o.at for o in subject.activity.orders]
    return max(made, default=None)


def _order(unit: Unit, subject: Subject, candidate: Candidate, *, automatic: bool) -> Order:
    mandate = narrowest_mandate(subject.state(unit.now), candidate) if automatic else None
    amount = candidate.price_minor * candidate.quantity
    name = None if mandate is None else mandate.id
    return Order(unit.now, candidate.sku, name, amount, candidate.quantity)


def _recent(unit: Unit, subject: Subject) -> Activity:
    """What some window still looks at; a day more, for whoever evaluates at an instant just passed."""
    window = unit.policy.longest_window(subject.state(unit.now).mandates)
    since = unit.now - window - timedelta(days=1)
    # Supply limits count the packs of a month, also where no mandate looks so far back.
    ordered_since = min(since, unit.now - SUPPLY_WINDOW - timedelta(days=1))
    activity = subject.activity
    return Activity(
        contacts=[c for c in activity.contacts if c.at > since],
        orders=[o for o in activity.orders if o.at > ordered_since],
    )
