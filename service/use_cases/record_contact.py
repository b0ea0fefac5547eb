"""Count a hand-over: what caps, the person's own limit and her mandates look back on."""

from __future__ import annotations

from service.policy import Candidate, Contact, Decision, Level, Order, narrowest_mandate
from service.storage.subjects import Subject, save_activity
from service.storage.unit import Unit


def record_contact(unit: Unit, subject: Subject, candidate: Candidate, decision: Decision) -> None:
    """Write the contact of a locked subject that `decision` allowed about `candidate`, and the order where it
    was to be automatic. What no window reaches any more is left behind."""
    state, activity, now = subject.state(unit.now), subject.activity, unit.now
    oldest = now - unit.policy.longest_window(state.mandates)
    activity.contacts = [contact for contact in activity.contacts if contact.at > oldest]
    activity.orders = [order for order in activity.orders if order.at >= oldest]
    if decision.channel is not None:
        activity.contacts.append(Contact(now, decision.channel, candidate.programme))
    if decision.strategy is Level.automate:
        mandate = narrowest_mandate(state, candidate)
        amount = candidate.price_minor * candidate.quantity
        activity.orders.append(Order(now, candidate.sku, None if mandate is None else mandate.id, amount))
    save_activity(unit, subject)
