"""What the policy alone says about one rung, compiled once for each programme and place in the categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.policy.answers import Reason, blocked
from service.policy.levels import Level
from service.policy.parts import Programme, Purpose, Rollout
from service.policy.paths import depth_of, paths_of
from service.policy.policy import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """The rules of one rung that depend on neither the person nor the candidate. One is equal to itself."""

    level: Level
    essential: bool
    purposes: tuple[Purpose, ...]
    uses: tuple[str, ...]
    # Data that a purpose of the rung covers, and the part of it that needs no sharing.
    covered: frozenset[str]
    unasked: frozenset[str]
    # Reasons that block this rung for everyone.
    fixed: tuple[Reason, ...]
    ages: tuple[tuple[str, int], ...]
    pilot: int | None
    suppressions: Mapping[str, Reason]
    # What is asked of channels: nothing for respond or an essential message, no opt-in and no caps for a
    # legal notice.
    asks_channels: bool
    needs_opt_in: bool
    capped: bool


Ladder = Mapping[Level, Rung]

# Callers choose category paths, so what is remembered about them is forgotten in time.
_REMEMBERED = 20_000


def ladder_of(policy: Policy, programme: str, category: str) -> Ladder | None:
    """The rungs that a known programme offers for a category; None where the category is unknown."""
    try:
        return policy.ladders[programme, category]
    except KeyError:
        pass
    if len(policy.ladders) >= _REMEMBERED:
        policy.ladders.clear()
    ladder, place = None, policy.place(category)
    if place is not None:
        # Rungs are compiled for the place, which many categories may share.
        ladder = policy.compiled.get((programme, place))
        if ladder is None:
            ladder = policy.compiled[programme, place] = _compile_ladder(policy, programme, place)
    policy.ladders[programme, category] = ladder
    return ladder


def _compile_ladder(policy: Policy, name: str, place: str) -> Ladder:
    programme = policy.programmes[name]
    return {level: _compile_rung(policy, programme, place, level) for level in programme.ladder}


def _compile_rung(policy: Policy, programme: Programme, place: str, level: Level) -> Rung:
    entries = [policy.categories[path] for path in policy.prefixes(place)]
    names = list(programme.ladder[level])
    if level is not Level.respond and not programme.essential:
        names += [name for entry in entries for name in entry.requires]
    purposes = tuple(policy.purposes[name] for name in dict.fromkeys(names))
    covered = frozenset(data for purpose in purposes for data in purpose.data)
    by_duty = frozenset(data for purpose in purposes if purpose.is_duty for data in purpose.data)

    fixed: list[Reason] = []
    pilot, ages, suppressions = None, [], {}
    if not programme.essential:
        fixed += [
            blocked(level, "category_limit", entry.path)
            for entry in entries
            if entry.max is not None and entry.max < level
        ]
        ages = [(entry.path, entry.min_age) for entry in entries if entry.min_age is not None]
        rollout = rollout_of(policy, programme.name, place, level)
        if rollout is not None and rollout.stage in ("off", "shadow"):
            fixed.append(blocked(level, f"rollout_{rollout.stage}", programme.name))
        if rollout is not None and rollout.stage == "pilot":
            pilot = rollout.percent
        suppressions = {
            flag: blocked(level, "suppressed", flag)
            for flag, suppression in policy.suppressions.items()
            if suppression.max < level
            and (suppression.programmes is None or programme.name in suppression.programmes)
        }
    return Rung(
        level=level,
        essential=programme.essential,
        purposes=purposes,
        uses=programme.uses,
        covered=covered,
        unasked=by_duty | {name for name in covered if policy.data[name].necessary},
        fixed=tuple(fixed),
        ages=tuple(ages),
        pilot=pilot,
        suppressions=suppressions,
        asks_channels=level is not Level.respond and not programme.essential,
        needs_opt_in=level is not Level.automate,
        capped=programme.capped and level is not Level.automate,
    )


def rollout_of(policy: Policy, programme: str, place: str, level: Level) -> Rollout | None:
    """The deepest category decides, then an entry that names the programme, then the last in the list."""
    path = {"*", *paths_of(place)}
    fitting = [
        (depth_of(entry.category), entry.programme is not None, index, entry)
        for index, entry in enumerate(policy.rollout)
        if entry.programme in (None, programme) and entry.strategy == level and entry.category in path
    ]
    return max(fitting)[3] if fitting else None
