"""What a person does with a reorder by the link in the message about it, without a login.

Whoever has the link may answer this one reorder and nothing else, as somebody may who holds the letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from uuid import UUID

from service.actor import Actor
from service.errors import NotFoundError, SubjectErasedError
from service.ids import REORDER
from service.storage.reorders import find_subject, read_reorder
from service.storage.subjects import read_subject
from service.storage.unit import Unit
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.have_plenty import have_plenty
from service.use_cases.list_reorders import show_own
from service.use_cases.own_reorder import Answered
from service.use_cases.snooze_reorder import snooze_reorder

BY_LINK = "reorder-link"
SNOOZE_DAYS = 3

# In the order in which they are offered.
ANSWERS: Mapping[str, Callable[[Unit, UUID], Answered]] = MappingProxyType(
    {
        "approve": approve_reorder,
        "snooze": lambda unit, reorder: snooze_reorder(unit, reorder, days=SNOOZE_DAYS),
        "have-plenty": lambda unit, reorder: have_plenty(unit, reorder, None).answered,
        "skip": skip_reorder,
        "cancel": cancel_reorder,
    }
)


@dataclass(frozen=True, slots=True)
class Offered:
    """The reorder as its customer sees it, and in which language and time zone."""

    reorder: dict[str, Any]
    locale: str
    timezone: str


def offer_answers(unit: Unit, reorder_id: UUID) -> Offered:
    """Raises NotFoundError where it is gone, or does not open."""
    try:
        subject = read_subject(unit, find_subject(unit, reorder_id))
    except SubjectErasedError:
        raise NotFoundError(REORDER) from None
    reorder = read_reorder(unit, subject, reorder_id)
    if reorder is None or reorder.details is None:
        raise NotFoundError(REORDER)
    choices = subject.choices
    return Offered(show_own(unit, subject, reorder), choices.locale, choices.timezone)


def answer_by_link(unit: Unit, reorder_id: UUID, answer: str) -> Offered:
    """`answer` is one of ANSWERS. Raises NotFoundError where it is gone, and ConflictError where it cannot be
    answered so any more."""
    herself = Actor(BY_LINK, frozenset({"customer"}), subject=find_subject(unit, reorder_id))
    unit = replace(unit, actor=herself)
    try:
        ANSWERS[answer](unit, reorder_id)
    except SubjectErasedError:
        raise NotFoundError(REORDER) from None
    return offer_answers(unit, reorder_id)
