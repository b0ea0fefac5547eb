"""The ladder of control levels (decision.md, "The ladder"; Siggelkow and Terwiesch, HBR 2019)."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """How much the customer lets us do, lowest first. Names are the words of the policy document."""

    off = 0
    respond = 1
    curate = 2
    coach = 3
    automate = 4


LEVELS: dict[str, Level] = {level.name: level for level in Level}

# `Level.name` goes through a descriptor; the walk asks for it often enough to keep the words apart.
LEVEL_NAMES: tuple[str, ...] = tuple(level.name for level in Level)


def rungs_from(asked: Level, fallback: bool) -> tuple[Level, ...]:
    """The rungs to try, from the one asked for downwards; no fallback reaches `respond`."""
    if not fallback or asked <= Level.curate:
        return (asked,)
    return _DOWNWARDS[asked]


_DOWNWARDS: dict[Level, tuple[Level, ...]] = {
    Level.coach: (Level.coach, Level.curate),
    Level.automate: (Level.automate, Level.coach, Level.curate),
}
