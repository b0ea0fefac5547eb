"""The hard blockers of a rung (decision.md, "Blockers of a rung"), but for channels.

Every rule is evaluated; none hides another.
"""

from __future__ import annotations

from service.policy.answers import Reason, blocked
from service.policy.levels import Level
from service.policy.mandates import limit_codes, narrowest
from service.policy.person import Person
from service.policy.rules import Rung
from service.policy.values import Candidate


def hard_blockers(person: Person, rung: Rung, candidate: Candidate) -> list[Reason]:
    """Everything but channels that blocks a rung for good."""
    reasons = [*rung.fixed, *_purposes(person, rung), *_data(person, rung, candidate)]
    if rung.essential:
        return reasons
    reasons += _control(person, rung, candidate)
    reasons += _ages(person, rung)
    reasons += _pilot(person, rung, candidate)
    if rung.suppressions:
        reasons += [rung.suppressions[flag] for flag in set(person.state.flags) & rung.suppressions.keys()]
    if rung.level is Level.automate:
        reasons += _mandate(person, candidate)
    return reasons


def _purposes(person: Person, rung: Rung) -> list[Reason]:
    return [
        person.policy.reason(rung.level, code, purpose.name)
        for purpose in rung.purposes
        for code in person.purpose_codes(purpose)
    ]


def _data(person: Person, rung: Rung, candidate: Candidate) -> list[Reason]:
    policy, sharing, reasons = person.policy, person.state.sharing, []
    for name in {*rung.uses, *candidate.data}:
        if name in rung.unasked:
            continue
        if name in rung.covered:
            if sharing.get(name) is not True:
                reasons.append(policy.reason(rung.level, "data_not_shared", name))
        elif name in policy.data:
            reasons.append(policy.reason(rung.level, "data_not_in_purpose", name))
        else:
            reasons.append(blocked(rung.level, "data_unknown", name))
    return reasons


def _control(person: Person, rung: Rung, candidate: Candidate) -> list[Reason]:
    """The customer's own level, and a pause; an answer to the customer's own request needs no pause."""
    assert candidate.category is not None
    reasons = []
    level, key = person.level(candidate.category)
    if level < rung.level:
        raised = candidate.category if key in ("*", "default") else key
        reasons.append(blocked(rung.level, "control_level", key, remedy_on=raised, to=rung.level))
    if person.paused and rung.level is not Level.respond:
        reasons.append(person.policy.reason(rung.level, "paused", None))
    return reasons


def _ages(person: Person, rung: Rung) -> list[Reason]:
    if not rung.ages:
        return []
    if person.state.birth_date is None:
        return [person.policy.reason(rung.level, "age_unknown", path) for path, _ in rung.ages]
    return [
        person.policy.reason(rung.level, "age_limit", path)
        for path, years in rung.ages
        if person.is_younger(years)
    ]


def _pilot(person: Person, rung: Rung, candidate: Candidate) -> list[Reason]:
    programme = candidate.programme
    assert programme is not None
    if rung.pilot is None or person.bucket(programme, rung.level) < rung.pilot:
        return []
    return [person.policy.reason(rung.level, "rollout_pilot", programme)]


def _mandate(person: Person, candidate: Candidate) -> list[Reason]:
    mandate = narrowest(person.state, candidate)
    if mandate is None:
        return [blocked(Level.automate, "mandate_missing", candidate.sku)]
    return [
        blocked(Level.automate, code, mandate.id, remedy_on=candidate.sku)
        for code in limit_codes(mandate, person.state, candidate, person.now)
    ]
