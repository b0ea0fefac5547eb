"""What came of shadows and events: closed when it is known, or when nothing more can come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from service.storage.cases import Case, Event, Shadow, close_case, delete_case, read_cases
from service.storage.pilots import count_outcome
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.foresee_run_outs import readable
from service.use_cases.permitted_signals import PermittedSignals
from service.use_cases.read_signals import Signal

# So long is waited for a purchase, after the last day of the forecast or after it was noted.
_GRACE = timedelta(days=14)
_ORDERED = ("approved", "dispatched", "delivered")
_PURCHASE = "purchase"


def close_cases(signals: PermittedSignals, cases: Sequence[Case]) -> datetime | None:
    """Close what can be closed of a locked subject's `cases`; when to look again, None: nothing is open."""
    looks = []
    for case in cases:
        if case.state != "open" or case.details is None:
            continue
        if isinstance(case.details, Shadow):
            looks.append(_look_at_shadow(signals, case, case.details))
        else:
            looks.append(_look_at_event(signals, case, case.details))
    return min((look for look in looks if look is not None), default=None)


def end_cases(unit: Unit, subject: Subject) -> None:
    """Close all that is open, unmeasured: the subject is being merged into another."""
    for case in read_cases(unit, subject):
        if case.state == "open" and case.details is not None:
            _close(unit, subject, case, case.details, "unknown")


def may_stay(signals: PermittedSignals, event: Event) -> bool:
    """Whether what an open event was made from may still be read; otherwise there is no such event."""
    return signals.may_read(event.data, event.purpose) and signals.may_speak_of(event.category)


def _look_at_shadow(signals: PermittedSignals, case: Case, shadow: Shadow) -> datetime | None:
    unit, subject = signals.unit, signals.subject
    due = max(shadow.latest, case.created_at) + _GRACE
    bought = _bought(signals, case, shadow)
    if bought is None and due > unit.now:
        return due
    if any(
        reorder.details is not None and reorder.details.cycle == shadow.cycle and reorder.state in _ORDERED
        for reorder in signals.reorders()
    ):
        # What a lower rung proposed was taken: not bought by themselves.
        _close(unit, subject, case, shadow, "ordered")
    elif bought is not None:
        shadow.days = (bought.at - shadow.median).days
        _close(unit, subject, case, shadow, "bought_before" if bought.at <= shadow.median else "bought_after")
    else:
        known = _purpose(signals, shadow) is not None
        _close(unit, subject, case, shadow, "never" if known else "unknown")
    return None


def _purpose(signals: PermittedSignals, shadow: Shadow) -> str | None:
    """The purpose under which purchases may be read for the programme that is tried out; None for none."""
    policy = signals.unit.policy
    programme, purchase = policy.programmes.get(shadow.arm.programme), policy.signals.get(_PURCHASE)
    if programme is None or purchase is None:
        return None
    return readable(signals.unit, signals.state, programme).get(purchase.data)


def _bought(signals: PermittedSignals, case: Case, shadow: Shadow) -> Signal | None:
    """The first purchase since; None also where purchases may not be read any more."""
    purpose, unit = _purpose(signals, shadow), signals.unit
    if purpose is None:
        return None
    return next(
        (
            signal
            for signal in signals.read([unit.policy.signals[_PURCHASE].data], purpose)
            if signal.type == _PURCHASE
            and signal.data["sku"] == shadow.sku
            and case.created_at < signal.at <= unit.now
        ),
        None,
    )


def _look_at_event(signals: PermittedSignals, case: Case, event: Event) -> datetime | None:
    unit, subject = signals.unit, signals.subject
    if not may_stay(signals, event):
        # What it was made from may not be read any more, so there is no such event either.
        delete_case(unit, case.id)
        _count(unit, event, "withdrawn")
        return None
    met = _met(signals, case, event)
    if met is True:
        _close(unit, subject, case, event, "miss" if event.absent else "hit")
    elif event.ends > unit.now:
        return event.ends
    elif met is None:
        _close(unit, subject, case, event, "unknown")
    else:
        _close(unit, subject, case, event, "hit" if event.absent else "miss")
    return None


def _met(signals: PermittedSignals, case: Case, event: Event) -> bool | None:
    """Whether a measured signal came; None where such signals may not be read."""
    unit = signals.unit
    data = {known.data for each in event.signals if (known := unit.policy.signals.get(each)) is not None}
    if not data or not signals.may_read(data, event.purpose):
        return None
    return any(
        signal.type in event.signals
        and case.created_at < signal.at <= min(event.ends, unit.now)
        and (event.sku is None or signal.data.get("sku") in (None, event.sku))
        for signal in signals.read(data, event.purpose)
    )


def _close(unit: Unit, subject: Subject, case: Case, details: Shadow | Event, outcome: str) -> None:
    details.outcome = outcome
    if not close_case(unit, subject, case):
        return
    if isinstance(details, Event):
        _count(unit, details, outcome)
    else:
        count_outcome(unit, details.arm, outcome, total=details.days or 0)


def _count(unit: Unit, event: Event, metric: str) -> None:
    count_outcome(unit, event.arm, metric, detector=event.detector)
