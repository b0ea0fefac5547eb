"""Checks of `detectors`: what each may read, under which purpose, and what it may propose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.policy.check_entries import ROLLOUT_STAGES, Names, check_duration, check_names
from service.policy.check_extras import check_texts
from service.policy.detectors import RULES, types_read
from service.policy.levels import LEVELS
from service.policy.reader import Reader, join

_KEYS = (
    *("rule", "purpose", "data", "stage", "percent", "cooldown", "proposes", "measure", "texts"),
    *(key for keys in RULES.values() for key in keys),
)
# An event proposes and never acts, so nothing that ships by itself.
_STRATEGIES = ("curate", "coach")
_SCORES = {"nps": 10, "csat": 5}
_MOST_DAYS = 3650
_MOST_TIMES = 100
_Entry = Mapping[str, Any]


def check_detectors(reader: Reader, names: Names, document: _Entry) -> None:
    """The section `detectors` of a document."""
    section = document.get("detectors")
    signals = document.get("signals")
    signals = signals if isinstance(signals, Mapping) else {}
    for name, value, path in reader.entries(section, "/detectors"):
        if ":" in name:
            reader.fault(path, "must not hold `:`")
        entry = reader.mapping(value, path, _KEYS)
        before = len(reader.faults)
        rule = reader.one_of(entry.get("rule"), f"{path}/rule", RULES, "rule")
        reader.one_of(entry.get("purpose"), f"{path}/purpose", names.purposes, "purpose")
        reader.one_of(entry.get("stage"), f"{path}/stage", ROLLOUT_STAGES, "stage")
        if entry.get("percent") is not None:
            reader.integer(entry["percent"], f"{path}/percent", 0, 100)
        if entry.get("cooldown") is not None:
            check_duration(reader, entry["cooldown"], f"{path}/cooldown")
        for key in entry:
            if rule is not None and key in _KEYS and key not in RULES[rule] and _belongs_to_a_rule(key):
                reader.fault(join(path, key), f"means nothing to the rule {rule}")
        if rule is not None:
            _check_rule(reader, section, rule, entry, path)
        _check_measure(reader, signals, entry.get("measure"), f"{path}/measure")
        _check_proposal(reader, names, entry, path)
        if _looks_for_dissatisfaction(section, entry):
            _check_not_sold_to(reader, names, entry, f"{path}/proposes/programme")
        check_texts(reader, entry.get("texts"), f"{path}/texts")
        data = check_names(reader, entry.get("data"), f"{path}/data", names.data, "data category")
        if not data:
            reader.fault(f"{path}/data", "must name the data that it reads")
        if len(reader.faults) == before:
            _check_reach(reader, names, document, name, path)


def _belongs_to_a_rule(key: str) -> bool:
    return any(key in keys for keys in RULES.values())


def _check_rule(reader: Reader, section: object, rule: str, entry: _Entry, path: str) -> None:
    if rule in ("run_out", "dissatisfied"):
        reader.integer(entry.get("within_days"), f"{path}/within_days", 1, _MOST_DAYS)
    if rule == "lapsed" or entry.get("times") is not None:
        _check_times(reader, entry.get("times"), f"{path}/times")
    if rule == "dissatisfied":
        reader.texts(entry.get("signals"), f"{path}/signals", unique=True)
        for metric, score, at in reader.entries(entry.get("rating"), f"{path}/rating"):
            reader.one_of(metric, at, _SCORES, "metric")
            reader.integer(score, at, 0, _SCORES.get(metric, 10))
        if not entry.get("rating") and not entry.get("signals"):
            reader.fault(path, "needs a rating, signals or both to look at")
    if rule == "likely_to_leave":
        _check_weights(reader, section, entry, path)


def _check_times(reader: Reader, value: object, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        reader.wrong(path, "a number", value)
    elif not 1 <= value <= _MOST_TIMES:
        reader.fault(path, f"must be from 1 to {_MOST_TIMES}")


def _check_weights(reader: Reader, section: object, entry: _Entry, path: str) -> None:
    """Its parts are other detectors, and none of them made of parts itself."""
    others = section if isinstance(section, Mapping) else {}
    simple = [n for n, e in others.items() if isinstance(e, Mapping) and e.get("rule") != "likely_to_leave"]
    weights = reader.mapping(entry.get("weights"), f"{path}/weights")
    total = 0
    for part, weight in weights.items():
        at = join(f"{path}/weights", part)
        reader.one_of(part, at, simple, "detector")
        total += reader.integer(weight, at, 1, 100)
    if not weights and isinstance(entry.get("weights"), Mapping):
        reader.fault(f"{path}/weights", "names no detector")
    threshold = reader.integer(entry.get("threshold"), f"{path}/threshold", 1)
    if isinstance(entry.get("threshold"), int) and threshold > total:
        reader.fault(f"{path}/threshold", "all weights together do not reach it")


def _check_measure(reader: Reader, signals: _Entry, value: object, path: str) -> None:
    measure = reader.mapping(value, path, ("signals", "within_days", "absent"))
    named = check_names(reader, measure.get("signals"), f"{path}/signals", signals, "signal")
    if not named:
        reader.fault(f"{path}/signals", "must name the signals that make a hit")
    reader.integer(measure.get("within_days"), f"{path}/within_days", 1, _MOST_DAYS)
    if measure.get("absent") is not None:
        reader.flag(measure["absent"], f"{path}/absent")


def _check_proposal(reader: Reader, names: Names, entry: _Entry, path: str) -> None:
    at = f"{path}/proposes"
    proposes = reader.mapping(entry.get("proposes"), at, ("programme", "strategy", "offer", "sku"))
    programme = reader.one_of(proposes.get("programme"), f"{at}/programme", names.programmes, "programme")
    strategy = reader.one_of(proposes.get("strategy"), f"{at}/strategy", _STRATEGIES, "strategy")
    given = [key for key in ("offer", "sku") if proposes.get(key) is not None]
    for key in given:
        reader.text(proposes[key], f"{at}/{key}")
    if len(given) == 2:
        reader.fault(at, "names either an offer or a product")
    if not given and entry.get("rule") in ("dissatisfied", "likely_to_leave"):
        reader.fault(at, "needs an offer or a sku: this rule is about no product")
    if programme is not None and strategy is not None and not _rung(names, programme, strategy):
        reader.fault(f"{at}/strategy", "the programme's ladder has no such rung")


def _looks_for_dissatisfaction(section: object, entry: _Entry) -> bool:
    """Itself, or by a part of it."""
    others = section if isinstance(section, Mapping) else {}
    weights = entry.get("weights")
    parts = [others.get(part) for part in weights] if isinstance(weights, Mapping) else []
    return any(isinstance(e, Mapping) and e.get("rule") == "dissatisfied" for e in (entry, *parts))


def _check_not_sold_to(reader: Reader, names: Names, entry: _Entry, path: str) -> None:
    proposes = entry.get("proposes")
    proposes = proposes if isinstance(proposes, Mapping) else {}
    purposes = _rung(names, str(proposes.get("programme")), str(proposes.get("strategy")))
    if any(names.purposes.get(purpose, {}).get("direct_marketing") for purpose in purposes):
        reader.fault(path, "somebody dissatisfied is helped, and not sold to")


def _check_reach(reader: Reader, names: Names, document: _Entry, name: str, path: str) -> None:
    """Of a sound entry: its purpose covers what it reads, and so does a purpose of the proposed rung."""
    entry = document["detectors"][name]
    try:
        types = types_read(document["detectors"], name)
    except (KeyError, TypeError, AttributeError):
        # Another entry, which has faults of its own.
        return
    covered = names.purposes[entry["purpose"]].get("data") or ()
    purposes = _rung(names, entry["proposes"]["programme"], entry["proposes"]["strategy"])
    served = {data for purpose in purposes for data in names.purposes.get(purpose, {}).get("data") or ()}
    for place, data in enumerate(entry["data"]):
        if data not in covered:
            reader.fault(f"{path}/data/{place}", f"the purpose {entry['purpose']} does not cover it")
        elif data not in served:
            reader.fault(f"{path}/data/{place}", "no purpose of the proposed rung covers it")
    signals = document.get("signals") or {}
    for signal in types:
        body = signals.get(signal)
        if not isinstance(body, Mapping):
            reader.fault(f"{path}/rule", f"reads {signal}, which is no signal of the policy")
        elif body.get("data") not in entry["data"]:
            reader.fault(f"{path}/data", f"reads {signal}, which belongs to {body.get('data')}")
    for signal in entry["measure"]["signals"]:
        body = signals.get(signal)
        if isinstance(body, Mapping) and body.get("data") not in covered:
            reader.fault(f"{path}/measure/signals", f"the purpose {entry['purpose']} does not cover {signal}")


def _rung(names: Names, programme: str, strategy: str) -> list[str]:
    ladder = names.programmes.get(programme, {}).get("ladder")
    purposes = ladder.get(strategy) if isinstance(ladder, Mapping) and strategy in LEVELS else None
    return [p for p in purposes if isinstance(p, str)] if isinstance(purposes, list | tuple) else []
