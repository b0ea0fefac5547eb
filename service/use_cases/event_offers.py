"""What an open event proposes, as candidates for the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.ids import CASE, show
from service.instants import show_instant
from service.policy.detectors import USABLE, Detector
from service.storage.asked import AskedCandidate
from service.storage.cases import Event, read_cases
from service.storage.offers import Offer
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.permitted_signals import PermittedSignals
from service.use_cases.special import is_special, sees_special


@dataclass(frozen=True, slots=True)
class WantedEvent:
    """Which events are asked for, in which programme, and the channels that may be used."""

    detector: str
    programme: str
    channels: tuple[str, ...]


def event_candidates(
    unit: Unit, subject: Subject, wanted: WantedEvent, offers: Mapping[str, Offer]
) -> list[AskedCandidate]:
    """Of the person's open events of one detector, those in stages that may propose, and only as long as what
    they were made from may still be read. An event about goods of a special category is none for who does not
    see these, whatever it proposes: that there is one tells of them."""
    detector = unit.policy.detectors.get(wanted.detector)
    if detector is None or subject.key is None or detector.proposes.programme != wanted.programme:
        return []
    signals = PermittedSignals(unit, subject, subject.state(unit.now))
    found = []
    for case in read_cases(unit, subject):
        event = case.details
        if case.state != "open" or not isinstance(event, Event) or event.detector != wanted.detector:
            continue
        if event.arm.stage not in USABLE or event.ends <= unit.now:
            continue
        if is_special(unit.policy, event.category) and not sees_special(unit.actor):
            continue
        if signals.may_read(event.data, event.purpose) and signals.may_speak_of(event.category):
            offer = offers.get(detector.proposes.offer or "")
            found.append(candidate_of(detector, event, show(CASE, case.id), wanted.channels, offer))
    return list({each.id: each for each in found if each is not None}.values())


def candidate_of(
    detector: Detector, event: Event, name: str, channels: tuple[str, ...], offer: Offer | None
) -> AskedCandidate | None:
    """What the event proposes: the catalogue's offer, or a product under the event's own id. None where the
    catalogue has no such offer for this programme and rung, or the event is about no product."""
    proposes = detector.proposes
    data = dict.fromkeys(event.data)
    if proposes.offer is not None:
        if offer is None or (offer.programme, offer.strategy) != (proposes.programme, proposes.strategy):
            return None
        name, sku, data = offer.id, offer.sku, data | dict.fromkeys(offer.data)
    else:
        wanted = proposes.sku or event.sku
        if wanted is None:
            return None
        sku = wanted
    return AskedCandidate(
        name,
        proposes.programme,
        proposes.strategy,  # type: ignore[arg-type]  # the policy was checked to know no other words
        sku,
        channels,
        tuple(data),
        1,
        show_instant(event.ends),
    )
