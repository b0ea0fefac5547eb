"""Propose a reorder for every run-out in sight, if the person's choices permit as much (decision.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from service.errors import UnreadableError
from service.ids import REORDER, new_id, read, show
from service.logging import describe_error, get_logger
from service.policy import LEVEL_NAMES, LEVELS, Candidate, Decision, Level, Policy, Programme
from service.storage.cases import NewCase
from service.storage.choices import Choices
from service.storage.decisions import Answers, record_all
from service.storage.forecasts import set_due, take_due
from service.storage.reorders import (
    OPEN,
    NewReorder,
    Reorder,
    ReorderDetails,
    insert_reorders,
    move_reorder,
    read_reorders_of,
    step,
)
from service.storage.subjects import Subject, read_subjects
from service.storage.unit import Unit
from service.use_cases.announcement import announcement
from service.use_cases.decide import evaluate_state
from service.use_cases.expire_reorders import UNANSWERED, end_expired, expires_at
from service.use_cases.fields_read import fields_read
from service.use_cases.foresee_run_outs import Foreseen, Person, foresee_together, readable, replenishment
from service.use_cases.hold_reorder import is_own
from service.use_cases.note_shadow import note_shadows, shadow_of
from service.use_cases.plenty import rests_until
from service.use_cases.queue_message import queue_messages
from service.use_cases.read_signals import keep_signals
from service.use_cases.reorder_candidate import cycle_of, next_attempt, reorder_candidate, stored_run_out
from service.use_cases.veto_window import lead_time
from service.use_cases.watch_subjects import Scan, watch_subjects

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


@dataclass(slots=True)
class _Case:
    """One due subject: what was done, the instants at which to look again (none: when something changes),
    whose signals may be read, and what goes to the gate."""

    subject: Subject
    scanned: Scanned
    person: Person | None = None
    found: Sequence[Foreseen] = ()
    looks: list[datetime] = field(default_factory=list)
    asked: list[_Asked] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What is to be inserted, and from when on it may be said."""

    case: _Case
    reorder: NewReorder
    due: datetime


def propose_reorders(unit: Unit, limit: int) -> Scanned:
    """Look at up to `limit` due subjects, in the caller's transaction; `looked` below `limit`: none is left.

    Run again after a crash it proposes nothing twice. One subject that cannot be read, or on which the
    program fails, is put off and does not hold up the others.
    """
    taken = take_due(unit, limit)
    try:
        # All of them share each round trip; one that fails leaves nothing of the others half done.
        return _scan(unit, taken)
    except psycopg.OperationalError:
        raise
    except Exception:
        return sum((_scan_alone(unit, subject_id) for subject_id in taken), Scanned())


def _scan_alone(unit: Unit, subject_id: UUID) -> Scanned:
    """One of several of which one fails, or that one, which is put off."""
    try:
        return _scan(unit, [subject_id])
    except psycopg.OperationalError:
        raise
    except Exception as error:
        if not isinstance(error, UnreadableError):
            get_logger().error("a forecast failed", **describe_error(error))
        set_due(unit, {subject_id: unit.now + _UNREADABLE_AGAIN})
        return Scanned(looked=1, failed=1)


def _scan(unit: Unit, taken: Sequence[UUID]) -> Scanned:
    """Look at subjects whose rows are locked: at all of them, or an error and at none."""
    if not taken:
        return Scanned()
    with unit.db.transaction():
        subjects = read_subjects(unit.db, unit.keyring, taken)
        cases = [_Case(subjects[subject_id], Scanned(looked=1)) for subject_id in taken]
        _look(unit, cases)
        _ask(unit, [case for case in cases if case.asked])
        watched = watch_subjects(unit, [Scan(case.subject, case.person, case.found) for case in cases])
        for case in cases:
            case.looks += watched[case.subject.id]
        set_due(unit, {case.subject.id: min(case.looks, default=None) for case in cases})
    return sum((case.scanned for case in cases), Scanned())


def _look(unit: Unit, cases: Sequence[_Case]) -> None:
    """Find the run-outs of those whose signals may be read: a round trip for each kind of thing, not for each
    person."""
    programme = replenishment(unit.policy)
    if programme is None:
        return
    for case in cases:
        case.person = _person(unit, programme, case)
    looked_at = [case for case in cases if case.person is not None]
    if not looked_at:
        return
    subjects = [case.subject for case in looked_at]
    known, kept = read_reorders_of(unit, subjects), keep_signals(unit, subjects)
    people = [
        replace(case.person, known=known[case.subject.id], kept=kept[case.subject.id])
        for case in looked_at
        if case.person is not None
    ]
    for case, person, found in zip(looked_at, people, foresee_together(unit, people), strict=True):
        case.person, case.found = person, found
        _look_at(unit, programme, case, person)


def _person(unit: Unit, programme: Programme, case: _Case) -> Person | None:
    """Whose signals may be read, as far as the choices tell; of nobody else any is."""
    subject = case.subject
    if subject.key is None or _highest_level(unit.policy, subject.choices) < Level.coach:
        return None
    state = subject.state(unit.now)
    if state.paused_until is not None and state.paused_until > unit.now:
        case.looks.append(state.paused_until)
        return None
    sources = readable(unit, state, programme)
    return Person(subject, state, sources) if sources else None


def _look_at(unit: Unit, programme: Programme, case: _Case, person: Person) -> None:
    known = person.known
    case.scanned.ended += end_expired(unit, case.subject, known)
    case.looks += (at for at in map(expires_at, known) if at is not None and at > unit.now)
    for foreseen in case.found:
        case.scanned.ended += _end_met(unit, case.subject, foreseen, known)
        ends = foreseen.run_out
        if ends is None or ends.lapsed or foreseen.product.prescription:
            continue
        rests = rests_until(foreseen.plenty, ends.anchor)
        if rests is not None and rests > unit.now:
            case.looks.append(rests)
            continue
        ships = ends.may_ship and _highest_level(unit.policy, case.subject.choices) >= Level.automate
        begins = ends.earliest - lead_time(unit.policy, programme.name, ships=ships)
        if begins > unit.now:
            case.looks.append(begins)
            continue
        attempt = next_attempt(cycle_of(foreseen), known)
        if attempt is not None:
            name = show(REORDER, new_id())
            candidate = reorder_candidate(unit.policy, programme, case.subject.choices, foreseen, name)
            case.asked.append(_Asked(foreseen, attempt, candidate))
            case.looks.append(ends.latest + UNANSWERED)


def _highest_level(policy: Policy, choices: Choices) -> Level:
    """No category of this person can be above it, so below `coach` nothing needs to be opened."""
    levels = [LEVELS[name] for name in choices.levels.values()]
    return max(levels if "*" in choices.levels else [*levels, policy.default_level])


def _end_met(unit: Unit, subject: Subject, foreseen: Foreseen, known: Sequence[Reorder]) -> int:
    """End the open reorders of a product that has been bought since, or is used no more; not what the person
    ordered, also while it is held."""
    ended = 0
    for reorder in known:
        details = reorder.details
        if details is None or reorder.state not in OPEN or details.candidate.sku != foreseen.product.sku:
            continue
        if is_own(details):
            continue
        if foreseen.stopped:
            ended += move_reorder(unit, subject, reorder, "cancelled", "stopped_using")
        elif details.run_out is None:
            # A question about an order of the person's own: no run-out led to it, so none can be met.
            continue
        elif foreseen.run_out is not None and details.cycle != cycle_of(foreseen):
            ended += move_reorder(unit, subject, reorder, "cancelled", "bought_since")
    return ended


def _ask(unit: Unit, cases: Sequence[_Case]) -> None:
    """Put the run-outs to the gate, keep its answers, and propose what it permits."""
    if not cases:
        return
    answers = [_answers(unit, case) for case in cases]
    proposals, shadows = list[_Proposal](), list[NewCase]()
    for case, given, ids in zip(cases, answers, record_all(unit, answers), strict=True):
        for each, decision, decision_id in zip(case.asked, given.decisions, ids, strict=True):
            shadow = shadow_of(unit, case.subject, each.foreseen, each.candidate, (decision, decision_id))
            shadows += () if shadow is None else (shadow,)
            prepared = _propose(unit, case, each, decision, decision_id)
            proposals += () if prepared is None else (prepared,)
    note_shadows(unit, shadows)
    new = insert_reorders(unit, [each.reorder for each in proposals]) if proposals else set()
    proposed = [each for each in proposals if each.reorder.id in new]
    if proposed:
        messages = [(p.reorder.subject, announcement(p.reorder.details), p.due) for p in proposed]
        queue_messages(unit, messages)
    for proposal in proposed:
        proposal.case.scanned.proposed += 1
    for case in cases:
        case.scanned.refused = len(case.asked) - case.scanned.proposed
        if case.scanned.refused:
            case.looks.append(_ask_again(unit, case.subject.choices))


def _answers(unit: Unit, case: _Case) -> Answers:
    assert case.person is not None
    candidates = [each.candidate for each in case.asked]
    decisions = evaluate_state(unit.in_force, case.person.state, candidates, unit.now)
    return Answers(case.subject, candidates, decisions, fields_read(unit.policy, candidates))


def _propose(
    unit: Unit, case: _Case, asked: _Asked, decision: Decision, decision_id: str
) -> _Proposal | None:
    """None: below `coach` nothing is prepared."""
    ends = asked.foreseen.run_out
    if ends is None or decision.strategy is None or decision.strategy < Level.coach:
        return None
    details = ReorderDetails(
        candidate=asked.candidate,
        name=asked.foreseen.product.name,
        strategy=LEVEL_NAMES[decision.strategy],
        channel=decision.channel,
        run_out=stored_run_out(asked.foreseen, ends),
        decision=decision_id,
        reasons=[reason.to_dict() for reason in decision.reasons],
        cycle=cycle_of(asked.foreseen),
        history=[step(unit, "proposed", "run_out")],
    )
    reorder = NewReorder(case.subject, read(REORDER, asked.candidate.id), asked.attempt, details)
    return _Proposal(case, reorder, decision.not_before or unit.now)


def _ask_again(unit: Unit, choices: Choices) -> datetime:
    """A flag that ends by itself is no change of choices, so its end is looked for here."""
    ends = [end for end in choices.flags.values() if end is not None and end > unit.now]
    return min([*ends, unit.now + _ASK_AGAIN])
