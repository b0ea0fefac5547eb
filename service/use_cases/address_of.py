"""Where a message goes: by which route, and to which address, read for the message's own purpose (P11)."""

from __future__ import annotations

from collections.abc import Collection

from service.actor import show_subject
from service.policy import LEVELS, Policy
from service.storage.identifiers import read_identifiers
from service.storage.outbox import ORDER, Message
from service.storage.reorders import ReorderDetails
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.read_signals import may_read

INBOX = "inbox"
WEBHOOK = "webhook"
SHOP = "shop"
# SMTP has no key by which a receiver would know a second copy.
CANNOT_DEDUPLICATE = frozenset({"email"})
# The data category to which identifiers belong, in a policy that names it.
_IDENTITY = "identity"
_IDENTIFIER_OF = {"email": "email", "sms": "phone"}


def route_of(message: Message) -> str:
    """By which sender: `order` to the shop, `inbox` for the app, else the policy's channel by its name. What
    answers somebody's own order may have no channel, and everybody has the inbox."""
    if message.kind == ORDER:
        return ORDER
    return INBOX if message.channel in (None, "app") else str(message.channel)


def recipient_of(message: Message) -> str:
    """Whom to name in an answer: the shop, or the person's channel."""
    return SHOP if message.kind == ORDER else message.channel or INBOX


def address_of(unit: Unit, subject: Subject, route: str, message: Message) -> str | None:
    """The address for a route: an e-mail address, a phone number, or an opaque id where the receiver knows
    the person by that. None: there is none, or no purpose of the message lets it be read."""
    if route == ORDER:
        return SHOP
    kind = _IDENTIFIER_OF.get(route)
    if kind is None:
        return show_subject(subject.id)
    if not _may_read_identifiers(unit, subject, message):
        return None
    return next((each.value for each in read_identifiers(unit, subject) if each.type == kind), None)


def _may_read_identifiers(unit: Unit, subject: Subject, message: Message) -> bool:
    """Whether a purpose of the rung at which the message was permitted covers identifiers and is in force."""
    if _IDENTITY not in unit.policy.data:
        return True
    state = subject.state(unit.now)
    return any(
        may_read(unit.policy, state, _IDENTITY, purpose, unit.now)
        for purpose in purposes_of(unit.policy, message)
    )


def purposes_of(policy: Policy, permitted: Message | ReorderDetails) -> Collection[str]:
    """The purposes of the rung at which a message or a reorder was permitted."""
    programme = policy.programmes.get(permitted.candidate.programme or "")
    return () if programme is None else programme.ladder.get(LEVELS[permitted.strategy], ())
