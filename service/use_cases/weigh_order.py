"""Everything that is checked once more when an order is about to leave, beside the gate (law.md A6)."""

from __future__ import annotations

from datetime import datetime

from service.policy import LEVEL_NAMES, Decision, Level, Outcome
from service.storage.outbox import Message
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.ask_review import check_review
from service.use_cases.check_goods import check_goods
from service.use_cases.check_notice import check_notice
from service.use_cases.verdict import LOOK_AGAIN, Does, Verdict, hold

_AUTOMATE = LEVEL_NAMES[Level.automate]


def weigh_order(
    unit: Unit, subject: Subject, order: Message, decision: Decision, *, anew: bool = False
) -> Verdict | None:
    """What is to become of an order of a locked subject instead of leaving; None: it may leave, as far as
    this goes. `decision` is the gate's answer to it, now. Of one that will be announced
    `anew` the old notice does not matter."""
    if decision.outcome is Outcome.deny:
        return _denied(unit, subject, order, decision)
    if not anew and order.strategy == _AUTOMATE:
        verdict = check_notice(unit, subject, order)
        if verdict is not None:
            return verdict
    verdict, categories = check_goods(unit, subject, order.candidate)
    return verdict or check_review(unit, subject, order, categories)


def suppressed_until(unit: Unit, subject: Subject, decision: Decision) -> datetime | None:
    """Until when a situation keeps an automatic order back and no more than that; None where something else
    forbids it too, or where the situation leaves no reminder either, as a bereavement does: then it ends."""
    flags = [reason.on for reason in decision.reasons if reason.code == "suppressed" and reason.on]
    if not flags or len(flags) < len(decision.reasons):
        return None
    if min(unit.policy.suppressions[flag].max for flag in flags) < Level.coach:
        return None
    ends = [subject.choices.flags.get(flag) or unit.now + LOOK_AGAIN for flag in flags]
    return max(ends)


def _denied(unit: Unit, subject: Subject, order: Message, decision: Decision) -> Verdict:
    reason = decision.reasons[0].code
    if order.strategy != _AUTOMATE:
        return Verdict(Does.end, reason)
    until = suppressed_until(unit, subject, decision)
    if until is not None:
        return hold("suppressed", until)
    return Verdict(Does.ask, reason, denied=decision.reasons)
