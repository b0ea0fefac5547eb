"""What every answer of a customer to a reorder begins and ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from service.errors import ConflictError, NotFoundError
from service.ids import REORDER
from service.storage.outbox import Entry
from service.storage.reorders import Reorder, ReorderDetails, find_subject, move_reorder, read_reorder
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.cancel_forbidden import Stopped, messages_about, stop_about
from service.use_cases.list_reorders import show_own
from service.use_cases.reorder_verbs import can


@dataclass(frozen=True, slots=True)
class Own:
    """A reorder of the person who speaks, whose subject is locked."""

    subject: Subject
    reorder: Reorder
    details: ReorderDetails


@dataclass(frozen=True, slots=True)
class Answered:
    """The reorder as `list_reorders` shows it now, and what the answer stopped or came too late for."""

    reorder: dict[str, Any]
    stopped: Stopped = field(default_factory=Stopped)

    @property
    def state(self) -> str:
        return str(self.reorder["state"])


def hold_own(unit: Unit, reorder_id: UUID, verb: str) -> Own:
    """The reorder, if the verb can be used on it now. Raises NotFoundError for another's, and ConflictError
    with its state otherwise."""
    owner = unit.actor.reach(find_subject(unit, reorder_id))
    subject = lock_subject(unit, owner)
    reorder = read_reorder(unit, subject, reorder_id)
    if reorder is None or reorder.details is None:
        raise NotFoundError(REORDER)
    if not can(reorder, verb):
        strategy = reorder.details.strategy
        raise ConflictError(
            f"`{verb}` is not possible now: the reorder is {reorder.state}, on the rung {strategy}",
            state=reorder.state,
            strategy=strategy,
        )
    return Own(subject, reorder, reorder.details)


def take_step(unit: Unit, own: Own, to: str, reason: str, changed: Mapping[str, Any] | None = None) -> Own:
    """Move it, and have it as it is then."""
    if not move_reorder(unit, own.subject, own.reorder, to, reason, changed=changed):
        raise ConflictError("somebody else has just moved this reorder", state=own.reorder.state)
    reorder = replace(own.reorder, state=to, updated_at=unit.now, steps=own.reorder.steps + 1)
    return replace(own, reorder=reorder)


def messages_of(unit: Unit, own: Own) -> list[Entry]:
    """Its messages that may still go, or are on their way."""
    return messages_about(unit, own.subject, own.reorder.id)


def stop_messages(unit: Unit, own: Own) -> Stopped:
    """Stop what has not left. What becomes of the reorder is the caller's to say."""
    return stop_about(unit, own.subject, own.reorder.id, None)


def answered(unit: Unit, own: Own, stopped: Stopped | None = None) -> Answered:
    return Answered(show_own(unit, own.subject, own.reorder), stopped or Stopped())
