"""Keep what would have happened, had a rung that is being tried out been live for this person.

Nothing is sent, shown or counted as a contact: the other policy is asked, and its answer is compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.actor import show_subject
from service.ids import new_id
from service.policy import LEVEL_NAMES, Candidate, Decision, Level
from service.policy.pilots import arm_of, as_live
from service.storage.cases import NewCase, Shadow, insert_cases
from service.storage.pilots import Tally, count_all
from service.storage.subjects import Subject
from service.storage.unit import PolicyInForce, Unit
from service.use_cases.decide import evaluate_state
from service.use_cases.foresee_run_outs import Foreseen
from service.use_cases.reorder_candidate import cycle_of

_TRIED = frozenset({"rollout_shadow", "rollout_pilot"})


def note_shadows(unit: Unit, shadows: Sequence[NewCase]) -> None:
    """Keep those that are new, and count them."""
    new = insert_cases(unit, shadows)
    tallies = list[Tally]()
    for each in shadows:
        if each.id in new:
            arm = each.details.arm
            tallies += (Tally(arm, "people", person=each.subject), Tally(arm, "shadow"))
    count_all(unit, tallies)


def shadow_of(
    unit: Unit, subject: Subject, foreseen: Foreseen, candidate: Candidate, decided: tuple[Decision, str]
) -> NewCase | None:
    """What is to be kept: one for each run-out, where more than was permitted would have been."""
    decision, decision_id = decided
    ends, would = foreseen.run_out, _would_be(unit, subject, candidate, decision)
    if ends is None or would is None:
        return None
    cycle = cycle_of(foreseen)
    arm = arm_of(
        unit.policy, candidate.programme or "", would, candidate.category or "*", show_subject(subject.id)
    )
    granted = None if decision.strategy is None else LEVEL_NAMES[decision.strategy]
    details = Shadow(arm, candidate.sku, granted, cycle, decision_id, ends.median, ends.latest)
    return NewCase(subject, new_id(), f"shadow|{cycle}", details)


def _would_be(unit: Unit, subject: Subject, candidate: Candidate, decision: Decision) -> Level | None:
    """The rung that would have been permitted; None unless the pilot alone stands in the way of it."""
    # Every reason of a rung that was passed over is reported, so most people are not asked about twice.
    if not any(reason.code in _TRIED for reason in decision.reasons):
        return None
    live = PolicyInForce(unit.in_force.version, as_live(unit.policy))
    [other] = evaluate_state(live, subject.state(unit.now), [candidate], unit.now)
    # Below `coach` nothing is prepared, so nothing would have happened.
    if other.strategy is None or other.strategy < Level.coach:
        return None
    if decision.strategy is not None and other.strategy <= decision.strategy:
        return None
    return other.strategy
