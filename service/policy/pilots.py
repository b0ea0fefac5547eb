"""Rollout as an experiment: which arm a person is in, and what would be permitted if everything were live."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from service.policy.levels import LEVEL_NAMES, Level
from service.policy.policy import Policy
from service.policy.rules import rollout_of

# `live`, `pilot` (inside the percentage) and `outside` of it, `shadow`, `off`.
ARMS = ("live", "pilot", "outside", "shadow", "off")


class Arm(NamedTuple):
    """`category` is that of the rollout entry which decided, `*` where there is none: the group in which
    people are compared, and never as narrow as the product."""

    programme: str
    strategy: str
    category: str
    stage: str


def bucket_of(seed: str, subject: str) -> int:
    """0 to 99: the first 8 bytes, big-endian, of SHA-256 over the seed and the subject, mod 100. For one seed
    a person is always in the same bucket; the buckets of two seeds have nothing to do with each other."""
    digest = sha256(f"{seed}:{subject}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % 100


def pilot_seed(programme: str, level: Level) -> str:
    """What is drawn for each programme and rung."""
    return f"{programme}:{LEVEL_NAMES[level]}"


def stage_for(stage: str, percent: int, seed: str, subject: str) -> str:
    """A stage as it is for one person: a pilot is `pilot` inside and `outside` elsewhere."""
    if stage != "pilot":
        return stage
    return "pilot" if bucket_of(seed, subject) < percent else "outside"


def arm_of(policy: Policy, programme: str, level: Level, category: str, subject: str) -> Arm:
    """Where a person stands for one rung of a programme, for goods of a category."""
    entry = rollout_of(policy, programme, policy.place(category) or category, level)
    if entry is None:
        return Arm(programme, LEVEL_NAMES[level], "*", "live")
    stage = stage_for(entry.stage, entry.percent, pilot_seed(programme, level), subject)
    return Arm(programme, LEVEL_NAMES[level], entry.category, stage)


@lru_cache(maxsize=4)
def as_live(policy: Policy) -> Policy:
    """The same policy with its shadows and pilots read as live. To ask what would have happened, and never to
    act by.

    A rung depends on its own rollout entry alone, so the highest rung permitted here is also the highest that
    reading that one entry as live would permit.
    """
    read = (replace(e, stage="live") if e.stage in ("shadow", "pilot") else e for e in policy.rollout)
    return replace(policy, rollout=tuple(read))
