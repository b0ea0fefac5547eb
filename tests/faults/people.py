"""The choices that the run's people make, as settings with values, and what each value closes and opens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.faults.clients import BY_PUSH, EXISTS, OFFER, REMIND

ALL = (REMIND, OFFER, BY_PUSH, EXISTS)
NEVER_ENDS = "2099-01-01T00:00:00Z"
LEVELS = ("off", "respond", "curate", "coach", "automate")
REMINDERS = "consent:replenishment_reminders"
OFFERS = "consent:personal_offers"
LEVEL = "level:*"
SHARING = "sharing:purchases"
PAUSED = "paused"
WEEKLY = "weekly"
PUSH = "channel:push"
OBJECTION = "objection:replenishment_reminders"
STATUS = "status"

# What holds of somebody who was registered a moment ago.
AT_FIRST = {
    REMINDERS: "unknown",
    OFFERS: "unknown",
    LEVEL: "None",
    SHARING: "None",
    PAUSED: "None",
    WEEKLY: "None",
    PUSH: "None",
    OBJECTION: "False",
    STATUS: "active",
}
_SPEAKS_OF = {
    REMINDERS: (REMIND,),
    OFFERS: (OFFER,),
    SHARING: (REMIND, OFFER),
    PAUSED: (REMIND, OFFER),
    PUSH: (BY_PUSH,),
    OBJECTION: (REMIND,),
    STATUS: ALL,
}
_OPEN = {
    REMINDERS: {"given"},
    OFFERS: {"given"},
    SHARING: {"True"},
    PAUSED: {"None"},
    PUSH: {"None", "True"},
    OBJECTION: {"False"},
    STATUS: {"active"},
}


def meaning(setting: str, value: str) -> dict[str, tuple[str, ...]]:
    """What `value` closes and opens, as far as this one setting goes (policy.json)."""
    if setting == LEVEL:
        rank = LEVELS.index(value) if value in LEVELS else LEVELS.index("respond")
        opened = [topic for topic, needs in ((OFFER, 2), (REMIND, 3)) if rank >= needs]
        return {
            "permits": tuple(opened),
            "forbids": tuple(topic for topic in (OFFER, REMIND) if topic not in opened),
        }
    topics = _SPEAKS_OF.get(setting, ())
    is_open = value in _OPEN.get(setting, ())
    return {"permits": topics if is_open else (), "forbids": () if is_open else topics}


@dataclass(frozen=True, slots=True)
class Choice:
    """One change that a person may ask for: the call, and the setting's value once it is done."""

    setting: str
    value: str
    method: str
    path: str
    body: Mapping[str, Any] | None
    raises: bool = False


def consent(setting: str, status: str) -> Choice:
    body = {
        "purpose": setting.partition(":")[2],
        "status": status,
        "origin": "faults",
        "notice": {"version": 1, "locale": "sv"},
    }
    return Choice(setting, status, "POST", "/consents", body, raises=True)


def preference(setting: str, value: Any, patch: Mapping[str, Any]) -> Choice:
    return Choice(setting, str(value), "PATCH", "/preferences", patch)


def welcome() -> list[Choice]:
    """What opens everything, for whoever has just been registered."""
    return [
        consent(REMINDERS, "given"),
        consent(OFFERS, "given"),
        preference(LEVEL, "coach", {"levels": {"*": "coach"}}),
        preference(SHARING, True, {"sharing": {"purchases": True}}),
    ]


def some_choice(rng: Random) -> Choice:
    """Rather opening than closing, so that there is something to stop."""
    opens = rng.random() < 0.75
    kind = rng.choice((REMINDERS, REMINDERS, OFFERS, LEVEL, LEVEL, SHARING, PAUSED, WEEKLY, PUSH, OBJECTION))
    if kind in (REMINDERS, OFFERS):
        return consent(kind, "given" if opens else "withdrawn")
    if kind == LEVEL:
        level = rng.choice(("coach", "automate") if opens else ("off", "respond", "curate"))
        return preference(kind, level, {"levels": {"*": level}})
    if kind == SHARING:
        return preference(kind, opens, {"sharing": {"purchases": opens}})
    if kind == PAUSED:
        until = None if opens else NEVER_ENDS
        return preference(kind, until, {"paused_until": until})
    if kind == WEEKLY:
        # It closes nothing at this height: a number that is only there to be kept.
        most = rng.randint(60, 100)
        return preference(kind, most, {"max_per_week": most})
    if kind == PUSH:
        return preference(kind, opens, {"channels": {"push": opens}})
    about = f"/objections/{kind.partition(':')[2]}"
    return Choice(kind, str(not opens), "DELETE" if opens else "PUT", about, None)


def settings_in(preferences: Mapping[str, Any]) -> dict[str, str]:
    """The settings that an answer of GET preferences shows."""
    return {
        LEVEL: str(preferences["levels"].get("*")),
        SHARING: str(preferences["sharing"].get("purchases")),
        PAUSED: str(preferences["paused_until"]),
        WEEKLY: str(preferences["max_per_week"]),
        PUSH: str(preferences["channels"].get("push")),
    }


def consents_in(consents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The settings that an answer of GET consents shows."""
    by_purpose = {entry.get("purpose"): entry for entry in consents}
    reminders = by_purpose["replenishment_reminders"]
    return {
        REMINDERS: str(reminders["status"]),
        OFFERS: str(by_purpose["personal_offers"]["status"]),
        OBJECTION: str(reminders["objected"]),
    }
