"""The way to the customer: which channels of a candidate are left for a rung, and when each is free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from service.policy.answers import Reason, blocked
from service.policy.parts import Cap, Channel
from service.policy.person import Passage, Person
from service.policy.rules import Rung
from service.policy.values import Candidate, Mandate
from service.policy.waits import cap_end, first_free

_WEEK_HOURS = 168


def passages(person: Person, rung: Rung, candidate: Candidate, interval: datetime | None) -> list[Passage]:
    """Every channel of a candidate, in its order. `interval`: when its mandate lets it order again."""
    return [_passage(person, rung, name, interval) for name in candidate.channels]


def first_known(person: Person, candidate: Candidate) -> str | None:
    """The channel of an essential message: the first that the policy knows."""
    return next((name for name in candidate.channels if name in person.policy.channels), None)


def channel_reasons(
    person: Person,
    rung: Rung,
    candidate: Candidate,
    mandate: Mandate | None,
    *,
    channel: str,
    codes: Iterable[str],
) -> list[Reason]:
    """Reasons about one channel; the interval alone is about the mandate."""
    reasons = []
    for code in codes:
        if code == "mandate_interval" and mandate is not None:
            reasons.append(blocked(rung.level, code, mandate.id, remedy_on=candidate.sku))
        elif code == "channel_unknown":
            reasons.append(blocked(rung.level, code, channel))
        else:
            reasons.append(person.policy.reason(rung.level, code, channel))
    return reasons


def _passage(person: Person, rung: Rung, name: str, interval: datetime | None) -> Passage:
    """A passage without an interval is the same for every candidate, so the person remembers it."""
    key = (name, rung.needs_opt_in, rung.capped)
    if interval is None and key in person.passages:
        return person.passages[key]
    channel = person.policy.channels.get(name)
    if channel is None:
        passage = Passage(name, ("channel_unknown",), person.now, ())
    else:
        passage = _open_passage(person, rung, channel, interval)
    if interval is None:
        person.passages[key] = passage
    return passage


def _open_passage(person: Person, rung: Rung, channel: Channel, interval: datetime | None) -> Passage:
    drops = _refusals(person, rung, channel)
    ends = {} if interval is None else {"mandate_interval": interval}
    for code, cap, contacts in _caps(person, channel) if rung.capped else ():
        if cap.count == 0:
            # Such a cap never lets go: it drops the channel as a refusal does.
            drops.add(code)
        elif (end := cap_end(cap, contacts, person.now)) is not None:
            ends[code] = max(end, ends.get(code, end))
    arcs = [arc for arc in (channel.arc, person.quiet) if arc is not None]
    free_at, waits = first_free(person.now, ends, arcs, person.zone)
    if free_at is None:
        drops.update(waits)
    return Passage(channel.name, tuple(drops), free_at or person.now, waits)


def _refusals(person: Person, rung: Rung, channel: Channel) -> set[str]:
    """ePrivacy: a refusal always counts; a notice that belongs to the contract needs no opt-in."""
    said = person.state.channels.get(channel.name)
    if said is False:
        return {"channel_refused"}
    if channel.opt_in and rung.needs_opt_in and said is not True:
        return {"channel_not_opted_in"}
    return set()


def _caps(person: Person, channel: Channel) -> Iterator[tuple[str, Cap, list[datetime]]]:
    """Every cap that binds a channel: its own, those over all channels, and the customer's own limit."""
    for cap in channel.caps:
        yield "frequency_cap", cap, person.contacts(channel.name)
    for cap in person.policy.contact_caps:
        yield "frequency_cap", cap, person.contacts(None)
    if person.state.max_per_week is not None:
        yield "contact_limit", Cap(person.state.max_per_week, _WEEK_HOURS), person.contacts(None)
