"""The changes a customer can make, as they alter the state that the core sees.

They are what a remedy proposes and what would stop an action; nothing here is stored. Each is applied to a
copy of the state, which is then evaluated like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from service.policy import LEVEL_NAMES, Candidate, Consent, Level, Mandate, Policy, Remedy, State

# Until the customer says otherwise.
FAR = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """`do` is a remedy's verb, or one of those in `UNDOING`; `on`, `explicit` and `to` as in a remedy."""

    do: str
    on: str | None = None
    explicit: bool | None = None
    to: Level | None = None

    def to_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"do": self.do, "on": self.on}
        if self.explicit is not None:
            shown["explicit"] = self.explicit
        if self.to is not None:
            shown["to"] = LEVEL_NAMES[self.to]
        return shown


def of_remedy(remedy: Remedy) -> Change:
    return Change(remedy.do, remedy.on, remedy.explicit, remedy.to)


def applied(policy: Policy, state: State, candidate: Candidate, now: datetime, change: Change) -> State:
    """A copy of the state with the change made. A mandate is made wide enough for this very order."""
    return _APPLY[change.do](_Case(policy, candidate, now), state, change)


@dataclass(frozen=True, slots=True)
class _Case:
    policy: Policy
    candidate: Candidate
    now: datetime


def _give_consent(case: _Case, state: State, change: Change) -> State:
    purpose = case.policy.purposes[change.on or ""]
    given = Consent("given", bool(change.explicit), purpose.min_notice_version, None)
    return replace(state, consents={**state.consents, purpose.name: given})


def _withdraw_consent(_case: _Case, state: State, change: Change) -> State:
    return replace(state, consents={**state.consents, change.on or "": Consent("withdrawn")})


def _lift_objection(case: _Case, state: State, change: Change) -> State:
    lifted = {change.on}
    if case.policy.purposes[change.on or ""].direct_marketing:
        lifted.add("direct_marketing")
    return replace(state, objections=frozenset(state.objections) - lifted)


def _object(_case: _Case, state: State, change: Change) -> State:
    return replace(state, objections=frozenset(state.objections) | {change.on or ""})


def _set_sharing(shared: bool) -> Callable[[_Case, State, Change], State]:
    return lambda _case, state, change: replace(state, sharing={**state.sharing, change.on or "": shared})


def _set_channel(said: bool) -> Callable[[_Case, State, Change], State]:
    return lambda _case, state, change: replace(state, channels={**state.channels, change.on or "": said})


def _set_level(_case: _Case, state: State, change: Change) -> State:
    assert change.to is not None
    return replace(state, levels={**state.levels, change.on or "*": change.to})


def _resume(_case: _Case, state: State, _change: Change) -> State:
    return replace(state, paused_until=None)


def _pause(_case: _Case, state: State, _change: Change) -> State:
    return replace(state, paused_until=FAR)


def _set_mandate(case: _Case, state: State, _change: Change) -> State:
    candidate = case.candidate
    covers = f"sku:{candidate.sku}"
    # One's own mandate for a sku replaces the one before: the narrowest decides alone.
    others = tuple(mandate for mandate in state.mandates if mandate.covers != covers)
    amount = candidate.price_minor * candidate.quantity
    return replace(state, mandates=(*others, Mandate("", covers, candidate.currency, amount)))


def _end_mandate(case: _Case, state: State, change: Change) -> State:
    ended = tuple(replace(m, expires_at=case.now) if m.id == change.on else m for m in state.mandates)
    return replace(state, mandates=ended)


def _raise_contact_limit(_case: _Case, state: State, _change: Change) -> State:
    return replace(state, max_per_week=None)


_APPLY: dict[str, Callable[[_Case, State, Change], State]] = {
    "give_consent": _give_consent,
    "lift_objection": _lift_objection,
    "share_data": _set_sharing(True),
    "raise_level": _set_level,
    "resume": _resume,
    "set_mandate": _set_mandate,
    "opt_in": _set_channel(True),
    "raise_contact_limit": _raise_contact_limit,
    "withdraw_consent": _withdraw_consent,
    "object": _object,
    "unshare_data": _set_sharing(False),
    "lower_level": _set_level,
    "refuse_channel": _set_channel(False),
    "pause": _pause,
    "end_mandate": _end_mandate,
}
