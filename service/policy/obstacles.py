"""What stands between a person and one rung: hard blockers, or a channel and the time until it is free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.policy.answers import Reason, blocked, in_order
from service.policy.blockers import hard_blockers
from service.policy.channels import channel_reasons, first_known, passages
from service.policy.levels import Level
from service.policy.mandates import interval_end, narrowest
from service.policy.person import Person
from service.policy.rules import Rung
from service.policy.values import Candidate


@dataclass(frozen=True, slots=True)
class Obstacles:
    """With `hard` reasons the rung is out. Otherwise it may be taken through `channel` from `free_at` on,
    held back until then by `waits`. Reasons stand in the order of the output."""

    hard: tuple[Reason, ...]
    channel: str | None
    free_at: datetime
    waits: tuple[Reason, ...] = ()


def obstacles(person: Person, rung: Rung, candidate: Candidate) -> Obstacles:
    """The obstacles of a rung for a candidate.

    Only automate looks at what is ordered; below it, candidates that agree in category, data and channels
    meet the same obstacles, so these are remembered. That is most of the speed of `evaluate_all`.
    """
    if rung.level is Level.automate:
        return _find(person, rung, candidate)
    key = (rung, candidate.category, candidate.data, candidate.channels)
    known = person.obstacles.get(key)
    if known is None:
        known = person.obstacles[key] = _find(person, rung, candidate)
    return known


def _find(person: Person, rung: Rung, candidate: Candidate) -> Obstacles:
    hard = hard_blockers(person, rung, candidate)
    if rung.asks_channels:
        return _with_channels(person, rung, candidate, hard)
    channel = None
    if rung.level is not Level.respond:
        channel = first_known(person, candidate)
        if channel is None:
            hard += [blocked(rung.level, "channel_unknown", name) for name in candidate.channels]
    return Obstacles(in_order(hard), channel, person.now)


def _with_channels(person: Person, rung: Rung, candidate: Candidate, hard: list[Reason]) -> Obstacles:
    mandate, interval = None, None
    if rung.level is Level.automate:
        mandate = narrowest(person.state, candidate)
        if mandate is not None:
            interval = interval_end(mandate, person.state, candidate.sku, person.now)
    ways = passages(person, rung, candidate, interval)
    left = [way for way in ways if not way.drops]
    if not left:
        for way in ways:
            hard += channel_reasons(person, rung, candidate, mandate, channel=way.channel, codes=way.drops)
        # An interval that drops several channels is one reason.
        hard = list(dict.fromkeys(hard))
    if hard:
        return Obstacles(in_order(hard), None, person.now)
    # `min` takes the first of equals, which is the candidate's order.
    way = min(left, key=lambda way: way.free_at) if len(left) > 1 else left[0]
    waits = channel_reasons(person, rung, candidate, mandate, channel=way.channel, codes=way.waits)
    return Obstacles((), way.channel, way.free_at, in_order(waits))
