"""The parts of a policy document (decision.md, "Inputs", says what each field means)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.policy.levels import Level
from service.policy.quiet import Arc
from service.policy.values import Quiet


@dataclass(frozen=True, slots=True)
class Purpose:
    name: str
    basis: str
    data: tuple[str, ...]
    valid_for: str | None
    min_notice_version: int
    explicit: bool
    direct_marketing: bool

    @property
    def is_duty(self) -> bool:
        """Contract and legal obligation hold for everyone; nobody consents or objects to them."""
        return self.basis in ("contract", "legal_obligation")


@dataclass(frozen=True, slots=True)
class Data:
    name: str
    sharing: str

    @property
    def necessary(self) -> bool:
        return self.sharing == "necessary"


@dataclass(frozen=True, slots=True)
class Programme:
    name: str
    ladder: Mapping[Level, tuple[str, ...]]
    uses: tuple[str, ...]
    capped: bool
    essential: bool
    # Its offers are tips about goods that the person owns, and count for those alone.
    about_owned: bool = False
    # After so many contacts the next one is such a tip, if there is one.
    after_contacts: int | None = None


@dataclass(frozen=True, slots=True)
class Category:
    path: str
    requires: tuple[str, ...]
    max: Level | None
    min_age: int | None


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `count` contacts in any (t - hours, t]."""

    count: int
    hours: int


@dataclass(frozen=True, slots=True)
class Channel:
    name: str
    opt_in: bool
    quiet: Quiet | None
    caps: tuple[Cap, ...]
    # `quiet` as the evaluator reads it.
    arc: Arc | None


@dataclass(frozen=True, slots=True)
class Suppression:
    """`programmes` None: all of them."""

    flag: str
    max: Level
    programmes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Rollout:
    """`category` is `*` where the document names none."""

    programme: str | None
    strategy: Level
    category: str
    stage: str
    percent: int


@dataclass(frozen=True, slots=True)
class Signal:
    type: str
    data: str
    sets: str | None
    clears: str | None
