"""Which parts of a person's state a decision may look at (guarantees P11): the upper bound that policy and
candidate set, the same for everybody, so that the list itself says nothing about the person.

A recorded decision names its policy version and its candidate, so the list is made when somebody asks for it
and takes no room in the record."""

from __future__ import annotations

from collections.abc import Iterator

from service.policy import Candidate, Level, Policy, Programme


def fields_read(policy: Policy, candidate: Candidate) -> list[str]:
    """Sorted names, as `consents.personal_offers`."""
    place = None if candidate.category is None else policy.place(candidate.category)
    return sorted({"status", *_of_candidate(policy, candidate, place)})


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
    if level is Level.automate:
        yield from ("mandates", "orders")
    if level is not Level.respond:
        yield from ("paused_until", "quiet", "timezone")
        yield from (f"channels.{name}" for name in candidate.channels if name in policy.channels)
        if programme.capped and level is not Level.automate:
            yield from ("contacts", "max_per_week")
