"""Unsubscribe by a link, without a login (RFC 8058): no to direct marketing and to the channel it came by."""

from __future__ import annotations

from dataclasses import replace

from service.actor import Actor
from service.crypto.unsubscribe_token import Unsubscription
from service.storage.unit import Unit
from service.use_cases.change_preferences import change_preferences
from service.use_cases.lock_living import lock_living
from service.use_cases.set_objection import DIRECT_MARKETING, object_to

# Whoever holds the letter acts, which nobody has established to be the person: history says how it came.
BY_LINK = "unsubscribe-link"


def unsubscribe(unit: Unit, asked: Unsubscription) -> None:
    """In the caller's one transaction; twice is once. Somebody who was erased is written to by nobody, so
    there is nothing to do."""
    living = lock_living(unit, asked.subject)
    if living is None:
        return
    subject = living.id
    unit = replace(unit, actor=Actor(BY_LINK, frozenset({"customer"}), subject=subject))
    object_to(unit, subject, DIRECT_MARKETING)
    # A channel that the policy no longer has is used by nobody.
    channels = {name: False for name in unit.policy.channels if asked.is_of(name)}
    change_preferences(unit, subject, {"channels": channels})
