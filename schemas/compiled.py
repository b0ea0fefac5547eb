"""The contract of the hot routes, compiled (msgspec): what marshmallow reads in half a millisecond.

A reader here accepts only the plain spelling of what the shapes of `schemas.decisions` and
`schemas.candidates` accept, and gives the same values. Whatever it does not take, for a fault or for an
unusual spelling, is answered with None, and the caller asks the shape, which alone says what is wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from schemas.candidates import LONGEST_ID, LONGEST_NAME, MOST_CHANNELS, MOST_DATA, MOST_UNITS
from schemas.codes import CURRENCIES
from schemas.fields import LARGEST
from schemas.offers import MOST_LIMIT
from service import ids
from service.errors import NotFoundError
from service.storage.asked import AskedCandidate, Strategy, instant_of
from service.use_cases.decide import MOST_CANDIDATES
from service.use_cases.permit_offers import AskOffers

_Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
_Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
_Sku = Annotated[str, Meta(pattern=r"\A(?!\.{1,2}\Z)[^\s/\x00-\x1f\x7f]{1,64}\Z")]
_Instant = Annotated[str, Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]


class _Candidate(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: _Id
    strategy: Strategy
    sku: _Sku
    channels: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=MOST_CHANNELS)]
    data: Annotated[tuple[_Name, ...], Meta(max_length=MOST_DATA)]
    quantity: Annotated[int, Meta(ge=1, le=MOST_UNITS)]
    programme: _Name | UnsetType | None = UNSET
    expires_at: _Instant | UnsetType | None = UNSET
    fallback: bool | UnsetType | None = UNSET
    category: _Id | UnsetType | None = UNSET
    price_minor: Annotated[int, Meta(ge=0, le=LARGEST)] | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET


class _Ask(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    subject: str
    candidates: Annotated[list[_Candidate], Meta(min_length=1, max_length=MOST_CANDIDATES)]
    counterfactuals: bool | UnsetType = UNSET


class _OfferCandidate(_Candidate, forbid_unknown_fields=True, gc=False, kw_only=True):
    channels: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=MOST_CHANNELS)] | UnsetType = UNSET  # type: ignore[assignment]  # here it may be missing
    quantity: Annotated[int, Meta(ge=1, le=MOST_UNITS)] | UnsetType = UNSET  # type: ignore[assignment]  # the same


class _AskOffers(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    subject: str
    programme: _Name
    channels: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=MOST_CHANNELS)]
    candidates: (
        Annotated[list[_OfferCandidate], Meta(min_length=1, max_length=MOST_CANDIDATES)] | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=MOST_LIMIT)] | UnsetType = UNSET
    min_epoch: Annotated[int, Meta(ge=0, le=LARGEST)] | UnsetType = UNSET


class _Pair(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    subject: str
    candidate: Raw


_read_ask = msgspec.json.Decoder(_Ask).decode
_read_ask_offers = msgspec.json.Decoder(_AskOffers).decode
_read_pair = msgspec.json.Decoder(_Pair).decode
_read_candidate = msgspec.json.Decoder(_Candidate).decode


class Ask(msgspec.Struct, frozen=True):
    """A body of POST /v1/decisions."""

    subject: UUID
    candidates: list[AskedCandidate]
    counterfactuals: bool = False


def read_ask(body: bytes) -> Ask | None:
    if b"\\" in body:
        return None
    try:
        ask = _read_ask(body)
        subject = ids.read(ids.SUBJECT, ask.subject)
    except (msgspec.MsgspecError, UnicodeDecodeError, NotFoundError):
        return None
    candidates = []
    for candidate in ask.candidates:
        asked = _asked(candidate)
        if asked is None:
            return None
        candidates.append(asked)
    more = body.count(b":") - 2 - (ask.counterfactuals is not UNSET) - sum(map(_keys, ask.candidates))
    if more and more != sum(map(_colons, ask.candidates)):
        return None
    return Ask(subject, candidates, ask.counterfactuals is True)


def read_ask_offers(body: bytes) -> AskOffers | None:
    """A body of POST /v1/offers/permitted. One with a context is left to the shape."""
    if b"\\" in body:
        return None
    try:
        ask = _read_ask_offers(body)
        subject = ids.read(ids.SUBJECT, ask.subject)
    except (msgspec.MsgspecError, UnicodeDecodeError, NotFoundError):
        return None
    if len(set(ask.channels)) != len(ask.channels):
        return None
    given = ask.candidates or ()
    candidates = []
    for candidate in given:
        asked = _asked(candidate, ask.programme, ask.channels)
        if asked is None:
            return None
        candidates.append(asked)
    keys = 6 - (ask.candidates, ask.limit, ask.min_epoch).count(UNSET)
    more = body.count(b":") - keys - sum(map(_keys, given))
    if more and more != sum(map(_colons, given)) + "".join((ask.programme, *ask.channels)).count(":"):
        return None
    return AskOffers(
        subject,
        ask.programme,
        ask.channels,
        candidates or None,
        ask.limit or None,
        None if ask.min_epoch is UNSET else ask.min_epoch,
    )


def read_pair(line: bytes) -> tuple[UUID, bytes] | None:
    """A line's subject and its candidate, not yet read."""
    if b"\\" in line:
        return None
    try:
        pair = _read_pair(line)
        subject = ids.read(ids.SUBJECT, pair.subject)
    except (msgspec.MsgspecError, UnicodeDecodeError, NotFoundError):
        return None
    candidate = bytes(pair.candidate)
    return (subject, candidate) if line.count(b":") == 2 + candidate.count(b":") else None


def read_candidate(text: bytes) -> AskedCandidate | None:
    if b"\\" in text:
        return None
    try:
        candidate = _read_candidate(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    more = text.count(b":") - _keys(candidate)
    if more and more != _colons(candidate):
        return None
    return _asked(candidate)


def _asked(
    c: _Candidate, programme: str | None = None, channels: tuple[str, ...] = ()
) -> AskedCandidate | None:
    """`programme` and `channels` are for one that names none."""
    channels = c.channels or channels
    if len(set(channels)) != len(channels) or (c.currency and c.currency not in CURRENCIES):
        return None
    if c.currency == "" or (c.expires_at and not _exists(c.expires_at)):
        return None
    return AskedCandidate(
        c.id,
        c.programme or programme,
        c.strategy,
        c.sku,
        channels,
        c.data,
        c.quantity or 1,
        c.expires_at or None,
        c.fallback is not False,
    )


# A key that stands twice is refused (two parsers would read two things), but msgspec takes the last one. A
# body without escapes holds one colon for each key and those inside its strings, and no others: so a body
# with more of them than its distinct keys explain has a key twice.


def _keys(c: _Candidate) -> int:
    optional: tuple[object, ...] = (
        c.programme,
        c.expires_at,
        c.fallback,
        c.category,
        c.price_minor,
        c.currency,
    )
    return 12 - (*optional, c.channels, c.quantity).count(UNSET)


def _colons(c: _Candidate) -> int:
    texts = [c.id, c.sku, *(c.channels or ()), *c.data]
    texts += [text for text in (c.programme, c.expires_at, c.category) if text]
    return "".join(texts).count(":")


@lru_cache(maxsize=1024)
def _exists(expires_at: str) -> bool:
    try:
        instant_of(expires_at)
    except ValueError:
        return False
    return True
