"""How often detectors would have been right: run as of a day in the past, and compared with what came after.

It reads only what each detector's purpose lets it read today, keeps nothing, and says nothing of few people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from service.actor import system_actor
from service.bootstrap import Services
from service.detectors import Rate, look_for, rate_of, regular_products
from service.errors import UnreadableError
from service.policy.detectors import Detector
from service.storage.subjects import Subject, list_active, read_subjects
from service.storage.unit import Unit
from service.use_cases.detect_events import run_outs_for, seen_of
from service.use_cases.permitted_signals import PermittedSignals
from service.use_cases.pilot_report import LEAST_PEOPLE
from service.use_cases.read_signals import Signal

_ACTOR = system_actor("measure-detectors")
_PAGE = 200
# Rules about one product; the others are about the person.
_OF_PRODUCTS = ("run_out", "lapsed", "moved_on")


@dataclass(frozen=True, slots=True)
class Measured:
    """`detected`: hits among what was found; `rest`: the same among what was looked at and not found. What is
    looked at are products bought regularly, or people, as the rule goes. None: of fewer than ten people."""

    detector: str
    people: int | None
    detected: Rate | None
    rest: Rate | None


@dataclass(slots=True)
class _Side:
    """What came of each thing looked at, and of how many people they were."""

    people: int = 0
    hits: list[bool] = field(default_factory=list)

    def add(self, hits: list[bool]) -> None:
        self.people += bool(hits)
        self.hits += hits

    def rate(self) -> Rate | None:
        return None if self.people < LEAST_PEOPLE else rate_of(sum(self.hits), len(self.hits))


@dataclass(slots=True)
class _Tally:
    people: int = 0
    found: _Side = field(default_factory=_Side)
    rest: _Side = field(default_factory=_Side)


def measure_detectors(services: Services, days_back: int) -> list[Measured]:
    """Of every detector of the policy in force whose time to be right has passed since; the stage does not
    matter. Looks at everybody, a page of people in a transaction."""
    tallies: dict[str, _Tally] = {}
    after = UUID(int=0)
    while True:
        with services.unit(_ACTOR) as unit:
            page = list_active(unit, after, _PAGE)
            for subject in _readable(unit, page):
                _measure(unit, subject, timedelta(days=days_back), tallies)
        if len(page) < _PAGE:
            break
        after = page[-1]
    return [_measured(name, tally) for name, tally in sorted(tallies.items())]


def _readable(unit: Unit, ids: Sequence[UUID]) -> list[Subject]:
    """One that does not open is left out."""
    found: list[Subject] = []
    for each in ids:
        try:
            found += read_subjects(unit.db, unit.keyring, [each]).values()
        except UnreadableError:
            continue
    return found


def _measure(unit: Unit, subject: Subject, back: timedelta, tallies: dict[str, _Tally]) -> None:
    then = replace(unit, now=unit.now - back)
    signals = PermittedSignals(unit, subject, subject.state(unit.now))
    # What was answered since is not foreseen either.
    as_of = PermittedSignals(then, subject, subject.state(then.now), kept=signals.kept(), known=())
    for detector in unit.policy.detectors.values():
        data = [*detector.data, *(unit.policy.signals[each].data for each in detector.measure.signals)]
        over = timedelta(days=detector.measure.within_days) <= back
        # The forecast of that day asks for the purpose on that day as well.
        if not over or not all(each.may_read(data, detector.purpose) for each in (signals, as_of)):
            continue
        tally = tallies.setdefault(detector.name, _Tally())
        tally.people += 1
        seen = [seen_of(each) for each in signals.read(detector.data, detector.purpose)]
        run_outs = run_outs_for(as_of, detector)
        verdict = look_for(unit.policy.detectors, detector.name, seen, run_outs, then.now)
        found = {each.sku for each in verdict.found if signals.may_speak_of(each.category)}
        looked_at = {None} if detector.rule not in _OF_PRODUCTS else regular_products(seen, then.now)
        measured = signals.read(data, detector.purpose)
        tally.found.add([_is_hit(detector, measured, sku, then.now) for sku in found])
        tally.rest.add([_is_hit(detector, measured, sku, then.now) for sku in looked_at - found])


def _is_hit(detector: Detector, signals: Sequence[Signal], sku: str | None, then: datetime) -> bool:
    until = then + timedelta(days=detector.measure.within_days)
    came = any(
        each.type in detector.measure.signals
        and then < each.at <= until
        and (sku is None or each.data.get("sku") in (None, sku))
        for each in signals
    )
    return came is not detector.measure.absent


def _measured(name: str, tally: _Tally) -> Measured:
    if tally.people < LEAST_PEOPLE:
        return Measured(name, None, None, None)
    return Measured(name, tally.people, tally.found.rate(), tally.rest.rate())
