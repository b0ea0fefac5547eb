"""Which parts of a person's state decisions may look at (guarantees P11): the upper bound that policy and
candidates set, the same for everybody, so that the list itself says nothing about the person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from service.policy import Candidate, Level, Policy, Programme
from service.use_cases.read_owned import OWNING

_REMEMBERED = 4096
_Known = dict[tuple[object, ...], frozenset[str]]


def fields_read(policy: Policy, candidates: Iterable[Candidate]) -> list[str]:
    """Sorted names, as `consents.personal_offers`, of all that decisions about these candidates read."""
    known = _known_of(policy)
    if len(known) > _REMEMBERED:
        # Callers choose most of the key, so what is remembered is forgotten in time.
        known.clear()
    return sorted(frozenset[str]().union(*[_fields(policy, known, candidate) for candidate in candidates]))


@lru_cache(maxsize=4)
def _known_of(_policy: Policy) -> _Known:
    """What is remembered under a policy, which is equal to itself alone."""
    return {}


def _fields(policy: Policy, known: _Known, c: Candidate) -> frozenset[str]:
    key = (c.programme, c.category, c.strategy, c.fallback, c.channels, c.data)
    found = known.get(key)
    if found is None:
        place = None if c.category is None else policy.place(c.category)
        found = known[key] = frozenset({"status", *_of_candidate(policy, c, place)})
    return found


def _of_candidate(policy: Policy, candidate: Candidate, place: str | None) -> Iterator[str]:
    programme = policy.programmes.get(candidate.programme or "")
    if place is None or programme is None:
        return
    for level in _rungs(candidate):
        if level in programme.ladder:
            yield from _of_purposes(policy, programme, place, level, candidate)
            if not programme.essential:
                yield from _of_person(policy, programme, place, level, candidate)


def _rungs(candidate: Candidate) -> list[Level]:
    """The rungs that the walk may try: no fallback reaches `respond`."""
    if not candidate.fallback:
        return [candidate.strategy]
    lower = [level for level in Level if Level.curate <= level < candidate.strategy]
    return [candidate.strategy, *lower]


def _of_purposes(
    policy: Policy, programme: Programme, place: str, level: Level, candidate: Candidate
) -> Iterator[str]:
    names = list(programme.ladder[level])
    if level is not Level.respond and not programme.essential:
        names += [name for path in policy.prefixes(place) for name in policy.categories[path].requires]
    for name in names:
        purpose = policy.purposes[name]
        if purpose.basis == "consent":
            yield f"consents.{name}"
        if not purpose.is_duty:
            yield "objections"
        for data in {*programme.uses, *candidate.data}.intersection(purpose.data):
            if not policy.data[data].necessary:
                yield f"sharing.{data}"


def _of_person(
    policy: Policy, programme: Programme, place: str, level: Level, candidate: Candidate
) -> Iterator[str]:
    yield "levels"
    if any(policy.categories[path].min_age is not None for path in policy.prefixes(place)):
        yield from ("birth_date", "timezone")
    if policy.suppressions:
        yield "flags"
    if programme.about_owned:
        covered = {data for name in programme.ladder[level] for data in policy.purposes[name].data}
        told = {policy.signals[each].data for each in OWNING if each in policy.signals}
        yield from (f"signals.{data}" for data in told & covered)
    if level is Level.automate:
        yield from ("mandates", "orders")
    if level is not Level.respond:
        yield from ("paused_until", "quiet", "timezone")
        yield from (f"channels.{name}" for name in candidate.channels if name in policy.channels)
        if programme.capped and level is not Level.automate:
            yield from ("contacts", "max_per_week")
