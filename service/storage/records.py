"""What the sealed part of a decisions row says, packed as arrays: names of fields would be most of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.actor import Actor
from service.policy import LEVEL_NAMES, Candidate, Decision, Level, Outcome, Reason, Remedy


class StoredRemedy(msgspec.Struct, array_like=True):
    do: str
    on: str | None
    explicit: bool | None
    to: Level | None


class StoredReason(msgspec.Struct, array_like=True):
    strategy: Level | None
    code: str
    on: str | None
    remedy: StoredRemedy | None


class StoredDecision(msgspec.Struct, array_like=True):
    """An answer; `refused` marks a pair whose subject's state could not be read. `reasons` are places in the
    record's list of them: candidates for one person share most of their reasons."""

    outcome: str
    strategy: Level | None
    channel: str | None
    not_before: datetime | None
    reasons: list[int]


class StoredCandidate(msgspec.Struct, array_like=True):
    """The candidate as it was evaluated, with the catalogue's category and price of that moment."""

    id: str
    programme: str | None
    strategy: Level
    category: str | None
    sku: str
    channels: tuple[str, ...]
    data: tuple[str, ...]
    quantity: int
    price_minor: int
    currency: str
    expires_at: datetime | None
    fallback: bool

    def to_candidate(self) -> Candidate:
        return Candidate(*msgspec.structs.astuple(self))


class Record(msgspec.Struct, array_like=True):
    """`fields`: what the decisions of this row read, all together. `asked`: the subject's id of each pair, in
    rows that have no subject. `permits`: the places whose permits were given out; every permitted pair of a
    job has one, and its rows name none."""

    role: str
    sub: str
    candidates: list[StoredCandidate]
    decisions: list[StoredDecision]
    reasons: list[StoredReason]
    fields: Sequence[str] = []
    asked: list[UUID] = []
    permits: list[int] = []

    def decision(self, index: int) -> Decision | None:
        """None for a pair that was refused because the state could not be read."""
        stored = self.decisions[index]
        if stored.outcome == REFUSED[0]:
            return None
        return Decision(
            self.candidates[index].id,
            Outcome(stored.outcome),
            stored.strategy,
            stored.channel,
            stored.not_before,
            tuple(_reason(self.reasons[place]) for place in stored.reasons),
        )


REFUSED = ("refused", None, None, None, ())

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Record)


def encode_record(
    actor: Actor,
    candidates: Iterable[Candidate] | msgspec.Raw,
    decisions: Sequence[Decision | None],
    fields: Sequence[str] | msgspec.Raw = (),
    *,
    asked: Sequence[UUID] = (),
    permits: Sequence[int] = (),
) -> bytes:
    """A None among the decisions says that the state was not readable. What is the same for many rows may
    come packed: `candidates` of `pack_candidates`, `fields` of `pack`."""
    if not isinstance(candidates, msgspec.Raw):
        candidates = pack_candidates(candidates)
    known: dict[int, int] = {}
    reasons: list[Any] = []
    packed = [REFUSED if d is None else _pack_decision(d, known, reasons) for d in decisions]
    return _encode((actor.role, actor.sub, candidates, packed, reasons, fields, asked, permits))


def pack_candidates(candidates: Iterable[Candidate]) -> msgspec.Raw:
    return pack([pack_candidate(candidate) for candidate in candidates])


def pack(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))


def decode_record(data: bytes) -> Record:
    return _decoder.decode(data)


def pack_candidate(c: Candidate) -> tuple[Any, ...]:
    return (
        c.id,
        c.programme,
        c.strategy,
        c.category,
        c.sku,
        c.channels,
        c.data,
        c.quantity,
        c.price_minor,
        c.currency,
        c.expires_at,
        c.fallback,
    )


def _pack_decision(d: Decision, known: dict[int, int], reasons: list[Any]) -> tuple[Any, ...]:
    """`known` finds a reason's place by identity, which costs less than by value; the evaluator makes most
    reasons once, and the decisions keep all of them alive meanwhile."""
    places = []
    for reason in d.reasons:
        place = known.get(id(reason))
        if place is None:
            place = known[id(reason)] = len(reasons)
            reasons.append(_pack_reason(reason))
        places.append(place)
    return (d.outcome, d.strategy, d.channel, d.not_before, places)


def _pack_reason(r: Reason) -> tuple[Any, ...]:
    remedy = r.remedy
    packed = None if remedy is None else (remedy.do, remedy.on, remedy.explicit, remedy.to)
    return (r.strategy, r.code, r.on, packed)


def _reason(r: StoredReason) -> Reason:
    remedy = r.remedy
    return Reason(
        r.strategy,
        r.code,
        r.on,
        None if remedy is None else Remedy(remedy.do, remedy.on, remedy.explicit, remedy.to),
    )


def show_level(level: Level | None) -> str | None:
    return None if level is None else LEVEL_NAMES[level]
