"""The decision: may we do this, for this person, now, and if not, what is the most we may do instead?

A pure function of policy, state, candidate and now (decision.md, "The walk").
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service.policy.answers import Decision, Outcome, Reason, blocked, in_order
from service.policy.instants import whole_second
from service.policy.levels import rungs_from
from service.policy.obstacles import obstacles
from service.policy.person import Person
from service.policy.policy import Policy
from service.policy.purposes import status_blocker
from service.policy.rules import Rung, ladder_of
from service.policy.values import Candidate, State


def evaluate(policy: Policy, state: State | None, candidate: Candidate, now: datetime) -> Decision:
    """The decision about one candidate. `state` None: no such subject. `now` is aware; a finer one is
    rounded up to the next second. InputRefused: the state's time zone or quiet hours cannot be read.
    """
    return evaluate_all(policy, state, (candidate,), now)[0]


def evaluate_all(
    policy: Policy, state: State | None, candidates: Iterable[Candidate], now: datetime
) -> list[Decision]:
    """The decisions about many candidates for one subject, each the same as `evaluate` gives alone."""
    blocker = status_blocker(state)
    if state is None or blocker is not None:
        return [_denied(candidate, blocker or "subject_unknown", None) for candidate in candidates]
    person = Person(policy, state, whole_second(now))
    return [_decide(person, candidate) for candidate in candidates]


def _decide(person: Person, candidate: Candidate) -> Decision:
    policy, programme, category = person.policy, candidate.programme, candidate.category
    if programme is None or programme not in policy.programmes:
        return _denied(candidate, "programme_unknown", programme)
    if candidate.expires_at is not None and candidate.expires_at <= person.now:
        return _denied(candidate, "candidate_expired", None)
    ladder = None if category is None else ladder_of(policy, programme, category)
    if ladder is None:
        return _denied(candidate, "category_unknown", category)

    passed: list[Reason] = []
    for level in rungs_from(candidate.strategy, candidate.fallback):
        rung = ladder.get(level)
        if rung is None:
            passed.append(policy.reason(level, "strategy_not_offered", programme))
            continue
        decision = _try_rung(person, rung, candidate, passed)
        if decision is not None:
            return decision
    return Decision(candidate.id, Outcome.deny, None, None, None, tuple(passed))


def _try_rung(person: Person, rung: Rung, candidate: Candidate, passed: list[Reason]) -> Decision | None:
    """The decision to take a rung, now or later; or None, with what blocked it added to `passed`."""
    met = obstacles(person, rung, candidate)
    if met.hard:
        passed += met.hard
        return None
    if met.free_at == person.now:
        outcome = Outcome.allow if rung.level is candidate.strategy else Outcome.downgrade
        return Decision(candidate.id, outcome, rung.level, met.channel, None, tuple(passed))
    if candidate.expires_at is not None and candidate.expires_at <= met.free_at:
        passed += in_order([*met.waits, blocked(rung.level, "expires_first", None)])
        return None
    reasons = (*passed, *met.waits)
    return Decision(candidate.id, Outcome.defer, rung.level, met.channel, met.free_at, reasons)


def _denied(candidate: Candidate, code: str, on: str | None) -> Decision:
    return Decision(candidate.id, Outcome.deny, None, None, None, (blocked(None, code, on),))
