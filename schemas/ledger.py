"""Proofs of the ledger as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import Instant, QueryWhole, Whole

_LONGEST = 2**63 - 1


class EntryProofShape(Shape):
    """An entry's place in the log. Digests are hex; `path` holds the siblings from the leaf to the root
    (RFC 9162 section 2.1.3), under the root that `checkpoint` signs."""

    entry = fields.String()
    kind = fields.String()
    position = Whole()
    at = Instant()
    commitment = fields.String()
    salt = fields.String(allow_none=True)
    leaf_hash = fields.String()
    size = Whole()
    path = fields.List(fields.String())
    checkpoint = fields.String()
    verifier = fields.String()


class ConsistencyQuery(Shape):
    """Two sizes of the log."""

    old = QueryWhole(0, _LONGEST, required=True, data_key="from")
    new = QueryWhole(0, _LONGEST, required=True, data_key="to")


class ConsistencyShape(Shape):
    """That the log of `to` entries begins with the one of `from` (RFC 9162 section 2.1.4)."""

    old = Whole(data_key="from")
    new = Whole(data_key="to")
    path = fields.List(fields.String())
