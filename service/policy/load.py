"""From a policy document to the policy that the evaluator reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from service.policy.check import check_policy
from service.policy.detectors import read_detectors
from service.policy.faults import PolicyRefused
from service.policy.levels import LEVELS, Level
from service.policy.parts import (
    Cap,
    Category,
    Channel,
    Data,
    Programme,
    Purpose,
    Rollout,
    Signal,
    Suppression,
)
from service.policy.policy import Policy
from service.policy.quiet import arc_of
from service.policy.values import Quiet

_Entry = Mapping[str, Any]
_Part = TypeVar("_Part")


def load_policy(document: Mapping[str, Any]) -> Policy:
    """The policy of a document (the parsed YAML or JSON). PolicyRefused, with every fault, if it has any."""
    faults = check_policy(document)
    if faults:
        raise PolicyRefused(faults)
    return Policy(
        document=document,
        default_level=LEVELS[document["default_level"]],
        purposes=_each(document, "purposes", lambda name, entry: _purpose(document, name, entry)),
        data=_each(document, "data", lambda name, entry: Data(name, entry["sharing"])),
        programmes=_each(document, "programmes", _programme),
        categories=_each(document, "categories", _category),
        channels=_each(document, "channels", _channel),
        contact_caps=_caps(document.get("contact_caps")),
        suppressions=_each(document, "suppressions", _suppression),
        rollout=tuple(_rollout(entry) for entry in document.get("rollout") or ()),
        signals=_each(document, "signals", _signal),
        detectors=read_detectors(document),
    )


def _each(document: _Entry, key: str, read: Callable[[str, _Entry], _Part]) -> dict[str, _Part]:
    # An entry without a body (`women:` in YAML) is null, and says nothing.
    return {name: read(name, entry or {}) for name, entry in (document.get(key) or {}).items()}


def stated_notice(document: _Entry, name: str, entry: _Entry) -> _Entry:
    """What a policy says of the notice of a purpose or channel: `version` and `revision`, or nothing."""
    for stated in (entry.get("notice"), (document.get("notices") or {}).get(name)):
        if isinstance(stated, Mapping):
            return stated
    return {}


def _purpose(document: _Entry, name: str, entry: _Entry) -> Purpose:
    # A new major version says that something else is asked than before (law.md CR7), so a consent given
    # under an older one does not serve, whether or not the author raised `min_notice_version` as well.
    version = stated_notice(document, name, entry).get("version") or 0
    asks = entry["basis"] == "consent"
    return Purpose(
        name=name,
        basis=entry["basis"],
        data=tuple(entry.get("data") or ()),
        valid_for=entry.get("valid_for"),
        min_notice_version=max(entry.get("min_notice_version") or 0, version if asks else 0),
        explicit=bool(entry.get("explicit")),
        direct_marketing=bool(entry.get("direct_marketing")),
    )


def _programme(name: str, entry: _Entry) -> Programme:
    return Programme(
        name=name,
        ladder={LEVELS[rung]: tuple(purposes) for rung, purposes in entry["ladder"].items()},
        uses=tuple(entry.get("uses") or ()),
        capped=entry.get("capped") is not False,
        essential=bool(entry.get("essential")),
        about_owned=entry.get("about") == "owned",
        after_contacts=entry.get("after_contacts"),
    )


def _category(path: str, entry: _Entry) -> Category:
    return Category(path, tuple(entry.get("requires") or ()), _level(entry.get("max")), entry.get("min_age"))


def _channel(name: str, entry: _Entry) -> Channel:
    quiet = entry.get("quiet")
    hours = None if quiet is None else Quiet(quiet["from"], quiet["to"])
    arc = None if hours is None else arc_of(hours)
    return Channel(name, entry["opt_in"], hours, _caps(entry.get("caps")), arc)


def _caps(entries: list[_Entry] | None) -> tuple[Cap, ...]:
    return tuple(Cap(entry["count"], entry["hours"]) for entry in entries or ())


def _suppression(flag: str, entry: _Entry) -> Suppression:
    programmes = entry.get("programmes")
    return Suppression(flag, LEVELS[entry["max"]], None if programmes is None else tuple(programmes))


def _rollout(entry: _Entry) -> Rollout:
    return Rollout(
        programme=entry.get("programme"),
        strategy=LEVELS[entry["strategy"]],
        category=entry.get("category") or "*",
        stage=entry["stage"],
        percent=entry.get("percent") or 0,
    )


def _signal(type_: str, entry: _Entry) -> Signal:
    return Signal(type_, entry["data"], entry.get("sets"), entry.get("clears"))


def _level(name: str | None) -> Level | None:
    return None if name is None else LEVELS[name]
