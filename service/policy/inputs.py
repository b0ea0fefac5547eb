"""Reading a state and a candidate, strictly (decision.md, "Inputs").

State that cannot be read is no state: the caller gets a refusal with every fault, never half a value.
A missing optional key equals null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from service.policy.faults import InputRefused
from service.policy.instants import EARLIEST_NOW, read_instant, zone
from service.policy.levels import LEVELS
from service.policy.purposes import CONSENT_STATUSES
from service.policy.quiet import read_clock
from service.policy.reader import LARGEST_NUMBER, Reader
from service.policy.values import Candidate, Consent, Contact, Mandate, Order, Quiet, State

STATUSES = ("active", "restricted", "erased")
_RUNGS = tuple(name for name, level in LEVELS.items() if level)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CONSENT = Consent.__slots__
_MOST_DAYS = 36_600

_Value = TypeVar("_Value")
_Rest = ParamSpec("_Rest")


def read_state(document: Mapping[str, Any] | None) -> State | None:
    """The state in a document; null is null: no such subject. InputRefused with every fault."""
    if document is None:
        return None
    reader = Reader()
    state = _state(reader, reader.mapping(document, "", State.__slots__))
    if reader.faults:
        raise InputRefused(reader.faults)
    return state


def read_candidate(document: Mapping[str, Any]) -> Candidate:
    """The candidate in a document. InputRefused with every fault."""
    reader = Reader()
    candidate = _candidate(reader, reader.mapping(document, "", Candidate.__slots__))
    if reader.faults:
        raise InputRefused(reader.faults)
    return candidate


def _state(reader: Reader, document: Mapping[str, Any]) -> State:
    get = document.get
    return State(
        subject=reader.text(get("subject"), "/subject"),
        status=reader.one_of(get("status"), "/status", STATUSES, "status") or "",
        birth_date=_parsed(reader, get("birth_date"), "/birth_date", _read_date),
        timezone=_parsed(reader, get("timezone"), "/timezone", _read_zone) or "UTC",
        consents={
            purpose: _consent(reader, reader.mapping(value, path, _CONSENT), path)
            for purpose, value, path in reader.entries(get("consents"), "/consents")
            if value is not None
        },
        objections=frozenset(reader.texts(get("objections"), "/objections")),
        sharing=_flags(reader, get("sharing"), "/sharing"),
        levels={
            key: LEVELS[reader.one_of(value, path, LEVELS, "level") or "off"]
            for key, value, path in reader.entries(get("levels"), "/levels")
            if value is not None
        },
        channels=_flags(reader, get("channels"), "/channels"),
        paused_until=_instant(reader, get("paused_until"), "/paused_until"),
        quiet=_optional(_quiet, get("quiet"), reader),
        max_per_week=_optional(reader.integer, get("max_per_week"), "/max_per_week"),
        flags=frozenset(reader.texts(get("flags"), "/flags")),
        mandates=_mandates(reader, get("mandates")),
        contacts=tuple(_contact(reader, *item) for item in reader.items(get("contacts"), "/contacts")),
        orders=tuple(_order(reader, *item) for item in reader.items(get("orders"), "/orders")),
    )


def _consent(reader: Reader, entry: Mapping[str, Any], path: str) -> Consent:
    explicit, version = entry.get("explicit"), entry.get("notice_version")
    return Consent(
        status=reader.one_of(entry.get("status"), f"{path}/status", CONSENT_STATUSES, "status") or "",
        explicit=explicit is not None and reader.flag(explicit, f"{path}/explicit"),
        # No version counts as 0: under no notice that a policy can ask for.
        notice_version=0 if version is None else reader.integer(version, f"{path}/notice_version"),
        expires_at=_instant(reader, entry.get("expires_at"), f"{path}/expires_at"),
    )


def _mandates(reader: Reader, value: object) -> tuple[Mandate, ...]:
    mandates: list[Mandate] = []
    for item, path in reader.items(value, "/mandates"):
        mandate = _mandate(reader, reader.mapping(item, path, Mandate.__slots__), path)
        if mandate.id and any(mandate.id == other.id for other in mandates):
            reader.fault(f"{path}/id", "stands here twice")
        mandates.append(mandate)
    return tuple(mandates)


def _mandate(reader: Reader, entry: Mapping[str, Any], path: str) -> Mandate:
    def number(key: str, least: int = 0, most: int = LARGEST_NUMBER) -> int | None:
        value = entry.get(key)
        return None if value is None else reader.integer(value, f"{path}/{key}", least, most)

    mandate = Mandate(
        id=reader.text(entry.get("id"), f"{path}/id"),
        covers=reader.text(entry.get("covers"), f"{path}/covers"),
        currency=_currency(reader, entry.get("currency"), f"{path}/currency"),
        max_price_minor=reader.integer(entry.get("max_price_minor"), f"{path}/max_price_minor"),
        max_quantity=number("max_quantity"),
        max_spend_minor=number("max_spend_minor"),
        spend_days=number("spend_days", 1, _MOST_DAYS),
        min_days_between=number("min_days_between", 0, _MOST_DAYS),
        expires_at=_instant(reader, entry.get("expires_at"), f"{path}/expires_at"),
    )
    if entry.get("max_spend_minor") is not None and entry.get("spend_days") is None:
        reader.fault(f"{path}/spend_days", "a spend limit needs its days")
    return mandate


def _contact(reader: Reader, item: object, path: str) -> Contact:
    entry = reader.mapping(item, path, Contact.__slots__)
    return Contact(
        at=_required_instant(reader, entry.get("at"), f"{path}/at"),
        channel=reader.text(entry.get("channel"), f"{path}/channel"),
        programme=_optional(reader.text, entry.get("programme"), f"{path}/programme"),
    )


def _order(reader: Reader, item: object, path: str) -> Order:
    entry = reader.mapping(item, path, ("at", "sku", "mandate", "amount_minor"))
    return Order(
        at=_required_instant(reader, entry.get("at"), f"{path}/at"),
        sku=reader.text(entry.get("sku"), f"{path}/sku"),
        mandate=_optional(reader.text, entry.get("mandate"), f"{path}/mandate"),
        amount_minor=reader.integer(entry.get("amount_minor"), f"{path}/amount_minor"),
    )


def _quiet(value: object, reader: Reader) -> Quiet:
    entry = reader.mapping(value, "/quiet", ("from", "to"))
    for key in ("from", "to"):
        reader.read(entry.get(key), f"/quiet/{key}", read_clock)
    return Quiet(str(entry.get("from")), str(entry.get("to")))


def _candidate(reader: Reader, document: Mapping[str, Any]) -> Candidate:
    get = document.get
    channels = reader.texts(get("channels"), "/channels", unique=True)
    if not channels and get("channels") in (None, [], ()):
        reader.fault("/channels", "must name at least one channel")
    if get("data") is None:
        reader.fault("/data", "must say what data was used; an empty array for none")
    fallback = get("fallback")
    return Candidate(
        id=reader.text(get("id"), "/id"),
        programme=_optional(reader.text, get("programme"), "/programme"),
        strategy=LEVELS[reader.one_of(get("strategy"), "/strategy", _RUNGS, "strategy") or "respond"],
        category=_optional(reader.text, get("category"), "/category"),
        sku=reader.text(get("sku"), "/sku"),
        channels=channels,
        data=reader.texts(get("data"), "/data"),
        quantity=reader.integer(get("quantity"), "/quantity", 1),
        price_minor=reader.integer(get("price_minor"), "/price_minor"),
        currency=_currency(reader, get("currency"), "/currency"),
        expires_at=_instant(reader, get("expires_at"), "/expires_at"),
        fallback=fallback is None or reader.flag(fallback, "/fallback"),
    )


def _optional(
    read: Callable[Concatenate[Any, _Rest], _Value], value: Any, *rest: _Rest.args, **named: _Rest.kwargs
) -> _Value | None:
    """null stays null; anything else is read."""
    return None if value is None else read(value, *rest, **named)


def _flags(reader: Reader, value: object, path: str) -> dict[str, bool]:
    return {key: reader.flag(item, at) for key, item, at in reader.entries(value, path) if item is not None}


def _parsed(reader: Reader, value: object, path: str, parse: Callable[[str], _Value]) -> _Value | None:
    return None if value is None else reader.read(value, path, parse)


def _instant(reader: Reader, value: object, path: str) -> datetime | None:
    return _parsed(reader, value, path, read_instant)


def _required_instant(reader: Reader, value: object, path: str) -> datetime:
    return reader.read(value, path, read_instant) or EARLIEST_NOW


def _currency(reader: Reader, value: object, path: str) -> str:
    return reader.read(value, path, _read_currency) or ""


def _read_currency(text: str) -> str:
    if _CURRENCY.fullmatch(text) is None:
        raise ValueError("not an ISO 4217 code")
    return text


def _read_date(text: str) -> date:
    if _DATE.fullmatch(text) is None:
        raise ValueError("not a date YYYY-MM-DD")
    return date.fromisoformat(text)


def _read_zone(text: str) -> str:
    zone(text)
    return text
