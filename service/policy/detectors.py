"""Detectors: rules of the policy that turn consented signals into events (docs/pilots.md).

Here is what a rule is; `service.detectors` says when it finds something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Each rule with the keys of its own.
RULES: dict[str, tuple[str, ...]] = {
    "run_out": ("within_days",),
    "lapsed": ("times",),
    "moved_on": ("times",),
    "dissatisfied": ("rating", "signals", "within_days"),
    "likely_to_leave": ("weights", "threshold"),
}
# Stages in which an event may propose its candidate; in the others it is kept to compare with.
USABLE = ("pilot", "live")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The candidate that an event proposes: an offer of the catalogue, a product, or with neither the product
    that the event is about."""

    programme: str
    strategy: str
    offer: str | None
    sku: str | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A hit: a signal of one of these types within so many days; with `absent`, none."""

    signals: tuple[str, ...]
    within_days: int
    absent: bool


@dataclass(frozen=True, slots=True)
class Detector:
    """`types` are those of the signals it reads, `data` their categories; `settings` are the rule's own."""

    name: str
    rule: str
    purpose: str
    data: tuple[str, ...]
    types: tuple[str, ...]
    stage: str
    percent: int
    cooldown: str
    settings: Mapping[str, Any]
    proposes: Proposal
    measure: Measure


def read_detectors(document: Mapping[str, Any]) -> dict[str, Detector]:
    """The detectors of a checked document, those made of others after the others."""
    entries = document.get("detectors") or {}
    found = {name: _detector(entries, name) for name in entries}
    return dict(sorted(found.items(), key=lambda item: item[1].rule == "likely_to_leave"))


def types_read(entries: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The types of signals that a detector looks at, those of its parts included."""
    entry = entries[name]
    types = ["purchase"] if entry["rule"] in ("run_out", "lapsed", "moved_on") else []
    if entry["rule"] == "dissatisfied":
        types += [*(["rating"] if entry.get("rating") else []), *(entry.get("signals") or ())]
    for part in entry.get("weights") or {}:
        types += types_read(entries, part)
    return tuple(dict.fromkeys(types))


def _detector(entries: Mapping[str, Any], name: str) -> Detector:
    entry = entries[name]
    proposes, measure = entry["proposes"], entry["measure"]
    return Detector(
        name=name,
        rule=entry["rule"],
        purpose=entry["purpose"],
        data=tuple(entry["data"]),
        types=types_read(entries, name),
        stage=entry["stage"],
        percent=entry.get("percent") or 0,
        cooldown=entry.get("cooldown") or "P30D",
        settings=entry,
        proposes=Proposal(
            proposes["programme"], proposes["strategy"], proposes.get("offer"), proposes.get("sku")
        ),
        measure=Measure(tuple(measure["signals"]), measure["within_days"], measure.get("absent") is True),
    )
