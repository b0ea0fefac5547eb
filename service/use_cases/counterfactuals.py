"""What would change an answer: sets of the customer's own changes, each checked by evaluating again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Any

from service.policy import LEVEL_NAMES, Candidate, Decision, Level, Outcome, Policy, State, evaluate
from service.use_cases.changes import Change, applied, of_remedy

# The sets grow as powers of two; an answer with more alternatives than this helps nobody.
MOST_REMEDIES = 10
_RANK = {Outcome.allow: 2, Outcome.defer: 1}


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Changes that flip the outcome, what they lead to, the data then used, and what may be charged."""

    changes: tuple[Change, ...]
    decision: Decision
    shares: tuple[str, ...]
    may_charge: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        level = self.decision.strategy
        return {
            "changes": [change.to_dict() for change in self.changes],
            "outcome": self.decision.outcome.value,
            "strategy": None if level is None else LEVEL_NAMES[level],
            "shares": list(self.shares),
            "may_charge": self.may_charge,
        }


def would_allow(
    policy: Policy, state: State | None, candidate: Candidate, now: datetime
) -> list[Counterfactual]:
    """The minimal sets of changes with which the rung asked for is free, at once or, where the outcome says
    `defer`, later. Empty where it is allowed already and where the customer alone cannot help."""
    if state is None:
        return []
    alone = replace(candidate, fallback=False)
    asked = evaluate(policy, state, alone, now)
    if asked.outcome is Outcome.allow:
        return []
    changes = _proposed(asked)
    if len(changes) > MOST_REMEDIES:
        return []
    least = _RANK.get(asked.outcome, 0) + 1
    best: list[tuple[frozenset[Change], Decision]] = []
    for size in range(1, len(changes) + 1):
        for chosen in combinations(changes, size):
            made = frozenset(chosen)
            if any(found <= made for found, _ in best):
                continue
            decision = evaluate(policy, _with(policy, state, alone, now, chosen), alone, now)
            if _RANK.get(decision.outcome, 0) >= least:
                best.append((made, decision))
    return [
        _described(policy, candidate, [c for c in changes if c in made], decision) for made, decision in best
    ]


def would_stop(
    policy: Policy, state: State | None, candidate: Candidate, now: datetime
) -> list[Counterfactual]:
    """The single changes after which what is permitted now, at once or later, no longer is."""
    if state is None:
        return []
    before = evaluate(policy, state, candidate, now)
    if before.strategy is None:
        return []
    found = []
    for change in dict.fromkeys(_undoing(policy, state, candidate, before, now)):
        after = evaluate(policy, applied(policy, state, candidate, now, change), candidate, now)
        if (after.strategy or Level.off) < before.strategy:
            found.append(_described(policy, candidate, [change], after))
    return found


def _proposed(decision: Decision) -> list[Change]:
    """The distinct remedies of an answer without fallback, so all are about the rung asked for."""
    return list(dict.fromkeys(of_remedy(r.remedy) for r in decision.reasons if r.remedy is not None))


def _undoing(
    policy: Policy, state: State, candidate: Candidate, before: Decision, now: datetime
) -> Iterator[Change]:
    for name, purpose in policy.purposes.items():
        if purpose.basis == "consent" and name in state.consents and state.consents[name].status == "given":
            yield Change("withdraw_consent", name)
        if not purpose.is_duty and name not in state.objections:
            yield Change("object", name)
    yield Change("object", "direct_marketing")
    for data, shared in state.sharing.items():
        if shared:
            yield Change("unshare_data", data)
    assert before.strategy is not None
    yield Change("lower_level", candidate.category, to=Level(before.strategy - 1))
    for channel in candidate.channels:
        yield Change("refuse_channel", channel)
    yield Change("pause")
    for mandate in state.mandates:
        if mandate.expires_at is None or mandate.expires_at > now:
            yield Change("end_mandate", mandate.id)


def _with(
    policy: Policy, state: State, candidate: Candidate, now: datetime, changes: Iterable[Change]
) -> State:
    for change in changes:
        state = applied(policy, state, candidate, now, change)
    return state


def _described(
    policy: Policy, candidate: Candidate, changes: list[Change], decision: Decision
) -> Counterfactual:
    programme = policy.programmes.get(candidate.programme or "")
    uses = programme.uses if programme is not None else ()
    shares = tuple(sorted({*uses, *candidate.data})) if decision.strategy is not None else ()
    charge = None
    if decision.strategy is Level.automate:
        amount = candidate.price_minor * candidate.quantity
        charge = {"amount_minor": amount, "currency": candidate.currency}
    return Counterfactual(tuple(changes), decision, shares, charge)
