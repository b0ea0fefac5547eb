"""Withdraw from the contract over one reorder: the consumer's right of fourteen days (CRD 9 to 11a; law.md
A7, A8).

Accepted or refused, it is kept. An accepted one stops what has not been sent, tells the shop, and is
acknowledged at once; said twice it is one withdrawal with one acknowledgement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from uuid import UUID

from service.actor import Actor
from service.errors import NotFoundError, UnreadableError
from service.ids import REORDER, show
from service.senders.acknowledgement import acknowledgement
from service.storage.merge import read_merged_subjects
from service.storage.products import FULL, SEALED_ONLY, read_products
from service.storage.reorders import Reorder, ReorderDetails, find_subject, move_reorder, read_reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.storage.withdrawals import (
    ACCEPTED,
    REFUSED,
    Withdrawal,
    WithdrawalDetails,
    insert_withdrawal,
    read_accepted,
)
from service.use_cases.acknowledge_withdrawal import acknowledge_withdrawal
from service.use_cases.address_of import purposes_of
from service.use_cases.cancel_forbidden import Stopped, stop_about
from service.use_cases.lock_living import lock_living
from service.use_cases.publish_event import WITHDRAWN, publish_reorder
from service.use_cases.withdrawal_terms import Terms, withdrawal_terms

# Whoever holds the letter acts, which nobody has established to be the person.
BY_LINK = "withdrawal-link"
_ADDRESS = re.compile(r"[^@\s<>,;\x00-\x1f\x7f]{1,64}@[^@\s<>,;\x00-\x1f\x7f]+\.[^@\s<>,;\x00-\x1f\x7f]+")
_LONGEST_ADDRESS = 254
APP, LINK = "app", "link"


@dataclass(frozen=True, slots=True)
class Ordered:
    """A reorder and its terms. `person` is locked; `owner` has the key that sealed the reorder, which is
    another where the person was merged since. `accepted`: what has been withdrawn from already."""

    person: Subject
    owner: Subject
    reorder: Reorder
    details: ReorderDetails
    terms: Terms
    accepted: Withdrawal | None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """`withdrawal` is as it was kept, the first time where there were several; `reorder` in its present
    state. A refused one has its reason in `withdrawal.details`."""

    withdrawal: Withdrawal
    reorder: Reorder
    terms: Terms
    stopped: Stopped = field(default_factory=Stopped)


def withdraw_from_contract(unit: Unit, reorder_id: UUID, name: str, contact: str | None) -> Withdrawn:
    """In the caller's transaction, which must commit a refusal too. `name` and `contact` (an e-mail address)
    are one line each. Raises NotFoundError for another's reorder and one that is gone."""
    ordered = find_ordered(unit, reorder_id)
    if ordered.accepted is not None:
        return Withdrawn(ordered.accepted, ordered.reorder, ordered.terms)
    said = WithdrawalDetails(name, contact, APP)
    if unit.actor.has("system"):
        said.by = LINK
        acting = Actor(BY_LINK, frozenset({"customer"}), subject=ordered.person.id)
        unit = replace(unit, actor=acting)
    if not ordered.terms.possible:
        said.reason = ordered.terms.reason
        kept = insert_withdrawal(unit, ordered.owner, ordered.reorder, REFUSED, said)
        return Withdrawn(kept, ordered.reorder, ordered.terms)
    return _accept(unit, ordered, said)


def one_line(text: str) -> str:
    """A name as a letter can say it: no line breaks, no control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def is_address(text: str) -> bool:
    """Whether it has the form of an e-mail address; whether anybody reads it, the relay finds out."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def find_ordered(unit: Unit, reorder_id: UUID) -> Ordered:
    """Raises NotFoundError where there is no such reorder (any more) or it is another customer's, and
    UnreadableError where it does not open."""
    owner_id = find_subject(unit, reorder_id)
    person = lock_living(unit, owner_id)
    if person is None:
        raise NotFoundError(REORDER)
    unit.actor.reach(person.id)
    owner = person
    if owner_id != person.id:
        owner = next(each for each in read_merged_subjects(unit, person.id) if each.id == owner_id)
    reorder = read_reorder(unit, owner, reorder_id)
    if reorder is None or reorder.details is None:
        raise UnreadableError
    product = read_products(unit.db, [reorder.details.candidate.sku]).get(reorder.details.candidate.sku)
    terms = withdrawal_terms(person, reorder, FULL if product is None else product.withdrawal, unit.now)
    accepted = read_accepted(unit, owner, reorder.id)
    return Ordered(person, owner, reorder, reorder.details, terms, accepted)


def _accept(unit: Unit, ordered: Ordered, said: WithdrawalDetails) -> Withdrawn:
    person, reorder = ordered.person, ordered.reorder
    said.cancelled = not ordered.terms.is_sent
    said.text = acknowledgement(
        person.choices.locale,
        reorder=show(REORDER, reorder.id),
        at=unit.now,
        timezone=person.choices.timezone,
        name=said.name,
        contact=said.contact,
        cancelled=said.cancelled,
        sealed=ordered.terms.rule == SEALED_ONLY,
    )
    kept = insert_withdrawal(unit, ordered.owner, reorder, ACCEPTED, said)
    # The order first: what it had to say is then found not to be needed.
    if said.cancelled:
        move_reorder(unit, ordered.owner, reorder, "cancelled", "withdrawn")
    stopped = stop_about(unit, ordered.owner, reorder.id, "withdrawn")
    acknowledge_withdrawal(unit, person, kept, ordered.details)
    purposes, category = purposes_of(unit.policy, ordered.details), ordered.details.candidate.category
    publish_reorder(unit, person, WITHDRAWN, reorder.id, purposes, category=category)
    now = read_reorder(unit, ordered.owner, reorder.id)
    assert now is not None
    return Withdrawn(kept, now, ordered.terms, stopped)
