"""What a decision says (decision.md, "Output")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from service.policy.codes import remedy_verb, stage_of
from service.policy.levels import LEVEL_NAMES, Level


class Outcome(StrEnum):
    """`allow`: the rung asked for, now. `downgrade`: a lower one, now. `defer`: later. `deny`: not at all."""

    allow = "allow"
    downgrade = "downgrade"
    defer = "defer"
    deny = "deny"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What the customer can change: `explicit` belongs to give_consent alone, `to` to raise_level alone."""

    do: str
    on: str | None
    explicit: bool | None = None
    to: Level | None = None

    def to_dict(self) -> dict[str, Any]:
        shape: dict[str, Any] = {"do": self.do, "on": self.on}
        if self.explicit is not None:
            shape["explicit"] = self.explicit
        if self.to is not None:
            shape["to"] = LEVEL_NAMES[self.to]
        return shape


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rung was blocked, or everything where `strategy` is None. `on`: what it is about."""

    strategy: Level | None
    code: str
    on: str | None
    remedy: Remedy | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "strategy": None if self.strategy is None else LEVEL_NAMES[self.strategy],
            "code": self.code,
            "on": self.on,
            "remedy": None if self.remedy is None else self.remedy.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer about one candidate. `not_before` is set for `defer` alone."""

    candidate: str
    outcome: Outcome
    strategy: Level | None
    channel: str | None
    not_before: datetime | None
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of decision.md, keys in its order."""
        return {
            "candidate": self.candidate,
            "outcome": self.outcome.value,
            "strategy": None if self.strategy is None else LEVEL_NAMES[self.strategy],
            "channel": self.channel,
            "not_before": None if self.not_before is None else show_instant(self.not_before),
            "reasons": [reason.to_dict() for reason in self.reasons],
        }


def show_instant(at: datetime) -> str:
    """UTC, whole seconds, `Z`."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def blocked(
    strategy: Level | None,
    code: str,
    on: str | None,
    *,
    remedy_on: str | None = None,
    explicit: bool | None = None,
    to: Level | None = None,
) -> Reason:
    """A reason with the remedy that its code calls for, on `remedy_on` or else what the reason is about."""
    verb = remedy_verb(code)
    if verb is None:
        return Reason(strategy, code, on)
    if verb == "raise_contact_limit":
        # The customer's own limit is one over all channels.
        return Reason(strategy, code, on, Remedy(verb, None))
    return Reason(strategy, code, on, Remedy(verb, on if remedy_on is None else remedy_on, explicit, to))


def in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Reasons of one rung by code, then `on`, null first. Python compares strings by code point."""
    return tuple(sorted(reasons, key=_place_in_order))


def _place_in_order(reason: Reason) -> tuple[str, bool, str]:
    return reason.code, reason.on is not None, reason.on or ""


def decision_stage(decision: Decision) -> str | None:
    """The stage of the first reason in output order (api.md); None where there is no reason."""
    return stage_of(decision.reasons[0].code) if decision.reasons else None
