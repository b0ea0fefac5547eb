"""What the policy of the day says about who, what, where, how long and on which ground."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from service.policy import add_duration
from service.receipts.source import Source

# What a policy does not say is called that, and not made up.
NOT_STATED = "not stated"
NOT_STATED_IRI = "urn:samtycke:not-stated"

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Data:
    """One data category: `terms` of the vocabulary, `retention` an ISO 8601 duration."""

    name: str
    terms: tuple[str, ...]
    necessary: bool
    retention: str | None
    texts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recipient:
    """`role` is `processor`, `controller` or `third_party`; None: the policy does not say."""

    name: str
    role: str | None
    country: str | None


def controller(source: Source) -> Mapping[str, Any]:
    found = source.document.get("controller")
    return found if isinstance(found, Mapping) else {}


def is_special(source: Source) -> bool:
    """Art. 9 (law.md CR4): the policy says so, or some category asks for the explicit consent to it."""
    if source.kind != "purpose":
        return False
    if source.entry.get("special") is True:
        return True
    categories = (source.document.get("categories") or {}).values()
    required = {name for entry in categories for name in (entry or {}).get("requires") or ()}
    return source.entry.get("explicit") is True and source.name in required


def legal_basis(source: Source) -> str:
    return "eu-gdpr:A9-2-a" if is_special(source) else "eu-gdpr:A6-1-a"


def data_of(source: Source) -> Iterator[Data]:
    """A channel is consented to with the address that it uses."""
    if source.kind == "channel":
        terms = tuple(source.entry.get("dpv_data") or ())
        yield Data(f"address_{source.name}", terms, True, None, source.entry.get("texts") or {})
        return
    categories = source.document.get("data") or {}
    if not source.entry.get("data"):
        yield Data("not-stated", (), False, None, {})
    for name in source.entry.get("data") or ():
        entry = categories.get(name) or {}
        yield Data(
            name=name,
            terms=tuple(entry.get("dpv") or ()),
            necessary=entry.get("sharing") == "necessary",
            retention=_period(entry.get("retention")),
            texts=entry.get("texts") or {},
        )


def retention_of(source: Source) -> str | None:
    """How long data is kept for this: the purpose's own period, or the longest of its data."""
    own = _period(source.entry.get("retention"))
    if own is not None:
        return own
    periods = [each.retention for each in data_of(source) if each.retention is not None]
    general = _period(source.document.get("retention"))
    return max(periods, key=lambda period: add_duration(_EPOCH, period), default=general)


def recipients_of(source: Source) -> list[Recipient]:
    stated = source.entry.get("recipients")
    if stated is None:
        stated = source.document.get("recipients") or ()
    return [_recipient(each) for each in stated]


def places(source: Source, key: str) -> list[str]:
    """`locations` or `processing_locations`, the purpose's own or the general ones, as country codes."""
    for entry in (source.entry, source.document):
        storage = entry.get("storage")
        if isinstance(storage, Mapping) and storage.get(key):
            return list(storage[key])
    return []


def valid_for(source: Source) -> str | None:
    period = source.entry.get("valid_for")
    return period if isinstance(period, str) else None


def slug(text: str) -> str:
    """`text` as a part of a URN."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"


def _recipient(stated: object) -> Recipient:
    if not isinstance(stated, Mapping):
        return Recipient(str(stated), None, None)
    return Recipient(str(stated.get("name") or NOT_STATED), stated.get("role"), stated.get("country"))


def _period(retention: object) -> str | None:
    if isinstance(retention, Mapping):
        retention = retention.get("period")
    return retention if isinstance(retention, str) else None
