"""Channels out: how one attempt to hand something over is made. They know no database and decide nothing.

The relay claims an attempt first (service.use_cases.claim_message) and then gives it to a sender; what comes
back says whether there may be another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol


class Fate(Enum):
    """What became of an attempt.

    `delivered`: the receiver has it. `retry`: it certainly has it not, or it deduplicates by the key; another
    claim may try again. `refused`: it will never take this. `unknown`: it may have it and cannot deduplicate
    (SMTP after the data was sent), so it counts as delivered and is not tried again.
    """

    delivered = "delivered"
    retry = "retry"
    refused = "refused"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to be handed over. `key` is the idempotency key, the same in every attempt. `route` says by
    which sender: `email`, `inbox`, `webhook` …; `to` is an address or an endpoint's id, as the route needs;
    `subject` is the person's public id. `content` is JSON."""

    key: str
    kind: str
    route: str
    to: str
    subject: str
    locale: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """`why` is for operators and names no person; `after`: seconds that the receiver asks to wait."""

    fate: Fate
    why: str = ""
    after: float | None = None


class Sender(Protocol):
    def send(self, parcel: Parcel) -> Sent:
        """Never raises for what a receiver or a network does, and takes no longer than its time limit."""
        ...
