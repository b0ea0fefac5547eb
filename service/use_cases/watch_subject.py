"""What the scan does for one due subject beside proposing reorders: measure what is open, and detect."""

from __future__ import annotations

from datetime import datetime

from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.close_cases import close_cases
from service.use_cases.detect_events import detect_events
from service.use_cases.permitted_signals import PermittedSignals


def watch_subject(unit: Unit, subject: Subject) -> datetime | None:
    """When to look at a locked subject again; None: when something changes. Nothing is read of one who is
    erased or restricted; who has paused is left alone, but for what is being measured."""
    if subject.key is None or subject.status != "active":
        return None
    state = subject.state(unit.now)
    signals = PermittedSignals(unit, subject, state)
    looks = [close_cases(signals)]
    if state.paused_until is not None and state.paused_until > unit.now:
        looks.append(state.paused_until)
    else:
        looks.append(detect_events(signals))
    return min((look for look in looks if look is not None), default=None)
