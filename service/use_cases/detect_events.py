"""Run the policy's detectors over what a person agreed to have read, and keep what they find as events.

An event proposes and never acts: its candidate goes to the gate like any other, here once for the record, and
again whenever somebody asks for offers (`event_offers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from service.actor import show_subject
from service.detectors import Found, Seen, SeenRunOut, look_for
from service.ids import CASE, new_id, show
from service.policy import Policy, add_duration
from service.policy.detectors import USABLE, Detector
from service.policy.pilots import Arm, stage_for
from service.storage.asked import to_candidate
from service.storage.cases import Case, Event, insert_case
from service.storage.catalogue import read_listings
from service.storage.decisions import record_decisions
from service.storage.offers import read_offer
from service.storage.pilots import Tally, count_all
from service.use_cases.close_cases import may_stay
from service.use_cases.decide import evaluate_state
from service.use_cases.event_offers import candidate_of
from service.use_cases.fields_read import fields_read
from service.use_cases.permitted_signals import PermittedSignals
from service.use_cases.read_signals import Signal
from service.use_cases.reorder_candidate import channels_of


def running_for(signals: PermittedSignals) -> list[Detector]:
    """A detector whose purpose is not in force for the person, or some of whose data is not shared, is not
    run: nothing is read for it, and there is no event."""
    return [
        detector
        for detector in signals.unit.policy.detectors.values()
        if detector.stage != "off" and signals.may_read(detector.data, detector.purpose)
    ]


def detect_events(
    signals: PermittedSignals, running: Sequence[Detector], cases: Sequence[Case]
) -> datetime | None:
    """Keep what is found now of a locked subject by the detectors that are `running_for` them; when to look
    again, None: when something changes. `cases`: all of the subject's; what may not stay open is none."""
    unit = signals.unit
    events = [
        case.details
        for case in cases
        if isinstance(case.details, Event) and (case.state != "open" or may_stay(signals, case.details))
    ]
    looks = []
    for detector in running:
        seen = [seen_of(each) for each in signals.read(detector.data, detector.purpose)]
        run_outs = run_outs_for(signals, detector)
        verdict = look_for(unit.policy.detectors, detector.name, seen, run_outs, unit.now)
        looks.append(verdict.look_again)
        for found in verdict.found:
            if signals.may_speak_of(found.category):
                looks.append(_keep(signals, detector, found, events))
    return min((look for look in looks if look is not None), default=None)


def seen_of(signal: Signal) -> Seen:
    data = signal.data
    return Seen(
        signal.at, signal.type, data.get("sku"), signal.category, data.get("metric"), data.get("score")
    )


def sources_of_run_outs(policy: Policy, detector: Detector) -> dict[str, str]:
    """What its forecast is made from: the detector's own data under its own purpose; nothing for a rule that
    needs none."""
    parts = [policy.detectors[name] for name in detector.settings.get("weights") or ()]
    needed = any(each.rule == "run_out" for each in (detector, *parts))
    return dict.fromkeys(detector.data, detector.purpose) if needed else {}


def run_outs_for(signals: PermittedSignals, detector: Detector) -> list[SeenRunOut]:
    sources = sources_of_run_outs(signals.unit.policy, detector)
    return [
        SeenRunOut(each.product.sku, each.product.category, each.run_out.anchor, each.run_out.earliest)
        for each in (signals.foreseen(sources) if sources else ())
        if each.run_out is not None and not each.run_out.lapsed
    ]


def _keep(
    signals: PermittedSignals, detector: Detector, found: Found, events: Sequence[Event]
) -> datetime | None:
    """Keep it as a new event; or when its cooldown ends, if there has been one of its kind."""
    unit, subject = signals.unit, signals.subject
    before = [each for each in events if (each.detector, each.sku) == (detector.name, found.sku)]
    if any(each.anchor == found.anchor for each in before):
        return None
    began = max((each.began for each in before), default=None)
    if began is not None and add_duration(began, detector.cooldown) > unit.now:
        return add_duration(began, detector.cooldown)
    stage = stage_for(detector.stage, detector.percent, detector.name, show_subject(subject.id))
    arm = Arm(detector.proposes.programme, detector.proposes.strategy, "*", stage)
    case = new_id()
    event = Event(
        detector=detector.name,
        arm=arm,
        anchor=found.anchor,
        began=unit.now,
        sku=found.sku,
        category=found.category,
        purpose=detector.purpose,
        data=list(detector.data),
        parts=list(found.parts),
        ends=unit.now + timedelta(days=detector.measure.within_days),
        signals=list(detector.measure.signals),
        absent=detector.measure.absent,
    )
    if stage in USABLE:
        event.decision = _decide(signals, detector, event, show(CASE, case))
    key = f"event|{detector.name}|{found.sku}|{found.anchor.isoformat()}"
    if insert_case(unit, subject, case, key, event):
        people = Tally(arm, "people", detector.name, person=subject)
        count_all(unit, [people, Tally(arm, "event", detector.name)])
    return event.ends


def _decide(signals: PermittedSignals, detector: Detector, event: Event, name: str) -> str | None:
    """The decision about what the event proposes, kept; None where there is no such offer or product."""
    unit, subject = signals.unit, signals.subject
    wanted = detector.proposes.offer
    offer = None if wanted is None else read_offer(unit.db, wanted)
    asked = candidate_of(detector, event, name, channels_of(unit.policy, subject.choices), offer)
    if asked is None:
        return None
    candidates = [to_candidate(asked, read_listings(unit.db, [asked.sku]))]
    decisions = evaluate_state(unit.in_force, signals.state, candidates, unit.now)
    return record_decisions(unit, subject, candidates, decisions, fields_read(unit.policy, candidates))[0]
