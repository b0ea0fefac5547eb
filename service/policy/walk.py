"""The decision: may we do this, for this person, now, and if not, what is the most we may do instead?

A pure function of policy, state, candidate and now (decision.md, "The walk").
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service.policy.answers import Decision, Outcome, Reason, blocked, in_order
from service.policy.blockers import hard_blockers
from service.policy.channels import channel_reasons, first_known, passages
from service.policy.instants import whole_second
from service.policy.levels import Level, rungs_from
from service.policy.mandates import interval_end, narrowest
from service.policy.person import Person
from service.policy.policy import Policy
from service.policy.purposes import status_blocker
from service.policy.rules import Rung, rung_of
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
    place = None if category is None else policy.place(category)
    if place is None:
        return _denied(candidate, "category_unknown", category)

    passed: list[Reason] = []
    for level in rungs_from(candidate.strategy, candidate.fallback):
        rung = rung_of(policy, programme, place, level)
        if rung is None:
            passed.append(policy.reason(level, "strategy_not_offered", programme))
            continue
        decision = _try_rung(person, rung, candidate, passed)
        if decision is not None:
            return decision
    return Decision(candidate.id, Outcome.deny, None, None, None, tuple(passed))


def _try_rung(person: Person, rung: Rung, candidate: Candidate, passed: list[Reason]) -> Decision | None:
    """The decision to take a rung, now or later; or None, with what blocked it added to `passed`."""
    mandate = narrowest(person.state, candidate) if rung.level is Level.automate else None
    hard = hard_blockers(person, rung, candidate, mandate)

    if not rung.needs_channel:
        return _taken(candidate, rung, None, hard, passed)
    if rung.essential:
        channel = first_known(person, candidate)
        if channel is None:
            hard += [blocked(rung.level, "channel_unknown", name) for name in candidate.channels]
        return _taken(candidate, rung, channel, hard, passed)

    interval = None
    if mandate is not None and "mandate_expired" not in (reason.code for reason in hard):
        interval = interval_end(mandate, person.state, candidate.sku, person.now)
    ways = passages(person, rung, candidate, interval)
    left = [way for way in ways if not way.drops]
    if not left:
        for way in ways:
            hard += channel_reasons(person, rung, candidate, mandate, channel=way.channel, codes=way.drops)
        # An interval that drops several channels is one reason.
        hard = list(dict.fromkeys(hard))
    if hard:
        passed += in_order(hard)
        return None

    # `min` takes the first of equals, which is the candidate's order.
    way = min(left, key=lambda way: way.free_at)
    if way.free_at == person.now:
        return _taken(candidate, rung, way.channel, [], passed)
    waits = channel_reasons(person, rung, candidate, mandate, channel=way.channel, codes=way.waits)
    if candidate.expires_at is not None and candidate.expires_at <= way.free_at:
        passed += in_order([*waits, blocked(rung.level, "expires_first", None)])
        return None
    reasons = (*passed, *in_order(waits))
    return Decision(candidate.id, Outcome.defer, rung.level, way.channel, way.free_at, reasons)


def _taken(
    candidate: Candidate, rung: Rung, channel: str | None, hard: list[Reason], passed: list[Reason]
) -> Decision | None:
    """The rung now, if nothing hard blocks it."""
    if hard:
        passed += in_order(hard)
        return None
    outcome = Outcome.allow if rung.level == candidate.strategy else Outcome.downgrade
    return Decision(candidate.id, outcome, rung.level, channel, None, tuple(passed))


def _denied(candidate: Candidate, code: str, on: str | None) -> Decision:
    return Decision(candidate.id, Outcome.deny, None, None, None, (blocked(None, code, on),))
