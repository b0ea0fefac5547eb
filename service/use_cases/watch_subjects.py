"""What the scan does for due subjects beside proposing reorders: measure what is open, and detect.

Who has nothing open, and for whom no detector may run, costs nothing here; the others share each round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.policy.detectors import Detector
from service.storage.cases import Case, read_cases_of
from service.storage.reorders import Reorder, read_reorders_of
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.close_cases import close_cases
from service.use_cases.detect_events import detect_events, running_for, sources_of_run_outs
from service.use_cases.foresee_run_outs import Foreseen, Person, foresee_together
from service.use_cases.permitted_signals import PermittedSignals
from service.use_cases.read_signals import KeptSignals, keep_signals


@dataclass(frozen=True, slots=True)
class Scan:
    """A locked subject, and what the scan has read and foreseen of them; None where it did not look."""

    subject: Subject
    person: Person | None
    found: Sequence[Foreseen]


@dataclass(frozen=True, slots=True)
class _Watched:
    """One of whom something is read: all cases where detectors are `running`, otherwise the open ones."""

    signals: PermittedSignals
    running: list[Detector]
    cases: list[Case]


def watch_subjects(unit: Unit, scans: Sequence[Scan]) -> dict[UUID, list[datetime]]:
    """When to look at each subject again; none: when something changes. Nothing is read of one who is erased
    or restricted; who has paused is left alone, but for what is being measured."""
    looks: dict[UUID, list[datetime]] = {scan.subject.id: [] for scan in scans}
    living = [scan for scan in scans if scan.subject.key is not None and scan.subject.status == "active"]
    if not living:
        return looks
    running = dict[UUID, list[Detector]]()
    for scan in living:
        state = scan.subject.state(unit.now)
        if state.paused_until is not None and state.paused_until > unit.now:
            looks[scan.subject.id].append(state.paused_until)
            running[scan.subject.id] = []
        else:
            running[scan.subject.id] = running_for(PermittedSignals(unit, scan.subject, state))
    for watched in _read(unit, living, running):
        found = looks[watched.signals.subject.id]
        for again in (
            close_cases(watched.signals, watched.cases),
            detect_events(watched.signals, watched.running, watched.cases),
        ):
            found += () if again is None else (again,)
    return looks


def _read(unit: Unit, living: Sequence[Scan], running: dict[UUID, list[Detector]]) -> list[_Watched]:
    """A round trip for each kind of thing, and none for what the scan has read already."""
    cases = read_cases_of(
        unit,
        [scan.subject for scan in living if running[scan.subject.id]],
        [scan.subject for scan in living if not running[scan.subject.id]],
    )
    concerned = [scan for scan in living if running[scan.subject.id] or cases[scan.subject.id]]
    unread = [scan.subject for scan in concerned if scan.person is None]
    kept, known = dict[UUID, KeptSignals](), dict[UUID, list[Reorder]]()
    if unread:
        kept, known = keep_signals(unit, unread), read_reorders_of(unit, unread)
    found = []
    for scan in concerned:
        subject, person = scan.subject, scan.person
        signals = PermittedSignals(
            unit,
            subject,
            subject.state(unit.now),
            kept=kept[subject.id] if person is None else person.kept,
            known=known[subject.id] if person is None else person.known,
        )
        if person is not None:
            signals.remember(person, scan.found)
        found.append(_Watched(signals, running[subject.id], cases[subject.id]))
    _foresee(unit, found)
    return found


def _foresee(unit: Unit, watched: Sequence[_Watched]) -> None:
    """The forecasts that detectors ask for, and that the scan has not made under the same purposes."""
    wanted = [
        (each.signals, each.signals.person(sources))
        for each in watched
        for detector in each.running
        if (sources := sources_of_run_outs(unit.policy, detector)) and not each.signals.has_foreseen(sources)
    ]
    if not wanted:
        return
    made = foresee_together(unit, [person for _, person in wanted])
    for (signals, person), foreseen in zip(wanted, made, strict=True):
        signals.remember(person, foreseen)
