"""Propose a reorder for every run-out in sight, if the person's choices permit as much (decision.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import psycopg

from service.errors import UnreadableError
from service.ids import REORDER, new_id, read, show
from service.logging import describe_error, get_logger
from service.policy import LEVEL_NAMES, LEVELS, Candidate, Decision, Level, Policy, State
from service.storage.choices import Choices
from service.storage.decisions import record_decisions
from service.storage.forecasts import set_due, take_due
from service.storage.reorders import (
    OPEN,
    Reorder,
    ReorderDetails,
    StoredRunOut,
    insert_reorder,
    move_reorder,
    read_reorders,
    step,
)
from service.storage.subjects import Subject, read_subjects
from service.storage.unit import Unit
from service.use_cases.announcement import announcement
from service.use_cases.decide import evaluate_state
from service.use_cases.fields_read import fields_read
from service.use_cases.foresee_run_outs import Foreseen, foresee_run_outs, readable, replenishment
from service.use_cases.note_shadow import note_shadow
from service.use_cases.queue_message import queue_message
from service.use_cases.reorder_candidate import cycle_of, next_attempt, reorder_candidate
from service.use_cases.watch_subject import watch_subject

# The notice before an automatic order (law.md A5): a run-out is looked at when the safe date is this near.
LEAD = timedelta(days=7)
# What was refused is asked again no sooner: a change of choices wakes the scan by itself.
_ASK_AGAIN = timedelta(days=7)
_UNREADABLE_AGAIN = timedelta(days=1)


@dataclass(slots=True)
class Scanned:
    """What one call did: subjects looked at, reorders proposed, run-outs for which nothing was permitted,
    open reorders ended because the need was met, and subjects that could not be looked at."""

    looked: int = 0
    proposed: int = 0
    refused: int = 0
    ended: int = 0
    failed: int = 0

    def __add__(self, other: Scanned) -> Scanned:
        return Scanned(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One run-out as it goes to the gate. `attempt` is what makes its proposal unique."""

    foreseen: Foreseen
    attempt: str
    candidate: Candidate


def propose_reorders(unit: Unit, limit: int) -> Scanned:
    """Look at up to `limit` due subjects, in the caller's transaction; `looked` below `limit`: none is left.

    Run again after a crash it proposes nothing twice. One subject that cannot be read, or on which the
    program fails, is put off and does not hold up the others.
    """
    total = Scanned()
    for subject_id in take_due(unit, limit):
        total.looked += 1
        try:
            with unit.db.transaction():
                subject = read_subjects(unit.db, unit.keyring, [subject_id])[subject_id]
                scanned, due = _look(unit, subject)
                looks = [look for look in (due, watch_subject(unit, subject)) if look is not None]
                set_due(unit, subject_id, min(looks, default=None))
            total += scanned
        except psycopg.OperationalError:
            raise
        except Exception as error:
            if not isinstance(error, UnreadableError):
                get_logger().error("a forecast failed", **describe_error(error))
            total.failed += 1
            set_due(unit, subject_id, unit.now + _UNREADABLE_AGAIN)
    return total


def _look(unit: Unit, subject: Subject) -> tuple[Scanned, datetime | None]:
    """What was done for one subject, and when to look again; None: when something changes."""
    programme = replenishment(unit.policy)
    if subject.key is None or programme is None or _highest_level(unit.policy, subject.choices) < Level.coach:
        return Scanned(), None
    state = subject.state(unit.now)
    if state.paused_until is not None and state.paused_until > unit.now:
        return Scanned(), state.paused_until
    sources = readable(unit, state, programme)
    if not sources:
        return Scanned(), None
    known = read_reorders(unit, subject)
    scanned, looks, asked = Scanned(), list[datetime](), list[_Asked]()
    for foreseen in foresee_run_outs(unit, subject, state, sources):
        scanned.ended += _end_met(unit, subject, foreseen, known)
        ends = foreseen.run_out
        if ends is None or ends.lapsed or foreseen.product.prescription:
            continue
        if ends.earliest - LEAD > unit.now:
            looks.append(ends.earliest - LEAD)
            continue
        attempt = next_attempt(cycle_of(foreseen), known)
        if attempt is not None:
            name = show(REORDER, new_id())
            candidate = reorder_candidate(unit.policy, programme, subject.choices, foreseen, name)
            asked.append(_Asked(foreseen, attempt, candidate))
    if asked:
        scanned.proposed = _ask(unit, subject, state, asked)
        scanned.refused = len(asked) - scanned.proposed
    if scanned.refused:
        looks.append(_ask_again(unit, subject.choices))
    return scanned, min(looks, default=None)


def _highest_level(policy: Policy, choices: Choices) -> Level:
    """No category of this person can be above it, so below `coach` nothing needs to be opened."""
    levels = [LEVELS[name] for name in choices.levels.values()]
    return max(levels if "*" in choices.levels else [*levels, policy.default_level])


def _end_met(unit: Unit, subject: Subject, foreseen: Foreseen, known: Sequence[Reorder]) -> int:
    """End the open reorders of a product that has been bought since, or is used no more."""
    ended = 0
    for reorder in known:
        details = reorder.details
        if details is None or reorder.state not in OPEN or details.candidate.sku != foreseen.product.sku:
            continue
        if foreseen.stopped:
            ended += move_reorder(unit, subject, reorder, "cancelled", "stopped_using")
        elif foreseen.run_out is not None and details.cycle != cycle_of(foreseen):
            ended += move_reorder(unit, subject, reorder, "cancelled", "bought_since")
    return ended


def _ask(unit: Unit, subject: Subject, state: State, asked: Sequence[_Asked]) -> int:
    """Put the run-outs to the gate, keep its answers, and propose what it permits; how many that were."""
    candidates = [each.candidate for each in asked]
    decisions = evaluate_state(unit.in_force, state, candidates, unit.now)
    ids = record_decisions(unit, subject, candidates, decisions, fields_read(unit.policy, candidates))
    for each, decision, decision_id in zip(asked, decisions, ids, strict=True):
        note_shadow(unit, subject, each.foreseen, each.candidate, (decision, decision_id))
    return sum(
        _propose(unit, subject, each, decision, decision_id)
        for each, decision, decision_id in zip(asked, decisions, ids, strict=True)
    )


def _propose(unit: Unit, subject: Subject, asked: _Asked, decision: Decision, decision_id: str) -> bool:
    """Whether there is a proposal: below `coach` nothing is prepared."""
    ends = asked.foreseen.run_out
    if ends is None or decision.strategy is None or decision.strategy < Level.coach:
        return False
    details = ReorderDetails(
        candidate=asked.candidate,
        name=asked.foreseen.product.name,
        strategy=LEVEL_NAMES[decision.strategy],
        channel=decision.channel,
        run_out=StoredRunOut(ends.earliest, ends.median, ends.latest),
        decision=decision_id,
        reasons=[reason.to_dict() for reason in decision.reasons],
        cycle=cycle_of(asked.foreseen),
        history=[step(unit, "proposed", "run_out")],
    )
    if not insert_reorder(unit, subject, read(REORDER, asked.candidate.id), asked.attempt, details):
        return False
    queue_message(unit, subject, announcement(details), decision.not_before or unit.now)
    return True


def _ask_again(unit: Unit, choices: Choices) -> datetime:
    """A flag that ends by itself is no change of choices, so its end is looked for here."""
    ends = [end for end in choices.flags.values() if end is not None and end > unit.now]
    return min([*ends, unit.now + _ASK_AGAIN])
