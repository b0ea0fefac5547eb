"""Tips about what a person owns (`about: owned` of a programme): which one may be named, if any.

A tip that may go says that its product is owned, so as little as possible is said. Of those that may go one
is named; what is not owned, or may not go, is neither permitted nor withheld but left out, so that no list
tells by what it lacks; and a caller's own candidate, by which one product after the other could be asked for,
is left out always.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.policy import Candidate, Decision, Policy, State
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.read_owned import read_owned


class Answered(NamedTuple):
    """Candidates and the decisions about them, in the same order."""

    candidates: list[Candidate]
    decisions: list[Decision]


def is_tip(policy: Policy, programme: str | None) -> bool:
    found = policy.programmes.get(programme or "")
    return found is not None and found.about_owned


def tips_due(policy: Policy, state: State | None) -> list[str]:
    """The programmes of tips whose turn it is: so many contacts (`after_contacts`) have been made since the
    last tip, in any programme, that the next one must not sell."""
    if state is None:
        return []
    due = []
    for programme in policy.programmes.values():
        if programme.about_owned and programme.after_contacts is not None:
            last = max((c.at for c in state.contacts if c.programme == programme.name), default=None)
            since = [c for c in state.contacts if last is None or c.at > last]
            if len(since) >= programme.after_contacts:
                due.append(programme.name)
    return due


def keep_one_tip(
    unit: Unit,
    subject: Subject | None,
    state: State | None,
    answered: Answered,
    *,
    own: bool,
) -> Answered:
    """`answered` without the tips that must not be named. `own`: the candidates are the caller's."""
    policy = unit.policy
    places = [n for n, c in enumerate(answered.candidates) if is_tip(policy, c.programme)]
    if not places:
        return answered
    named = None
    if subject is not None and state is not None and subject.key is not None and not own:
        owned = list(_owned(unit, subject, state, answered, places))
        named = min(owned, key=lambda place: _lot(unit, subject, answered.candidates[place]), default=None)
    kept = [n for n in range(len(answered.candidates)) if n not in set(places) or n == named]
    return Answered([answered.candidates[n] for n in kept], [answered.decisions[n] for n in kept])


def _owned(
    unit: Unit, subject: Subject, state: State, answered: Answered, places: Sequence[int]
) -> Iterator[int]:
    """Those that may go, and whose product is owned. Nothing is read where none may go."""
    for programme in unit.policy.programmes.values():
        mine = [n for n in places if answered.candidates[n].programme == programme.name]
        rungs = {s for n in mine if (s := answered.decisions[n].strategy) is not None}
        if rungs:
            owned = read_owned(unit, subject, state, programme, sorted(rungs))
            for place in mine:
                goes = answered.decisions[place].strategy is not None
                if goes and answered.candidates[place].sku in owned:
                    yield place


def _lot(unit: Unit, subject: Subject, candidate: Candidate) -> bytes:
    """Another order each day, which no choice of names can steer."""
    day = unit.now.date().isoformat()
    return unit.index.digest("tip", subject.id.bytes + f"{day}|{candidate.id}".encode())


def still_owned(unit: Unit, subject: Subject, state: State, candidate: Candidate, decision: Decision) -> bool:
    """Whether a tip that was permitted may still go when its permit is redeemed; what is no tip may."""
    programme = unit.policy.programmes.get(candidate.programme or "")
    if programme is None or not programme.about_owned or decision.strategy is None:
        return True
    return candidate.sku in read_owned(unit, subject, state, programme, [decision.strategy])
