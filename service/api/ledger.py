"""The ledger over HTTP: its signed checkpoint, the proof of an entry, and that it has only grown."""

from __future__ import annotations

import re
from typing import Any

from flask import Response

from schemas.ledger import ConsistencyQuery, ConsistencyShape, EntryProofShape
from service.api.auth import allow
from service.api.context import recorded, services, unit
from service.api.openapi import Routes
from service.crypto.checkpoint import Checkpoint, sign_checkpoint
from service.crypto.merkle import EMPTY_ROOT
from service.errors import NotFoundError
from service.storage.ledger import leaf_at, owner_of, read_head
from service.storage.subjects import read_subjects
from service.use_cases.prove_consistency import prove_consistency
from service.use_cases.prove_entry import EntryProof, prove_leaf

routes = Routes("ledger", "The append-only log over consent events and decisions, shaped as RFC 9162")

_POSITION = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@routes.get("/ledger/checkpoint")
@routes.answer(200, description="A signed note (C2SP tlog-checkpoint): origin, size, root")
@allow("customer", "dpo")
def checkpoint() -> Response:
    """The newest signed checkpoint, as text"""
    with services().database.connection() as db:
        head = read_head(db)
    note = head.note or sign_checkpoint(services().log_key, Checkpoint(0, EMPTY_ROOT))
    return Response(note, content_type="text/plain; charset=utf-8")


@routes.get("/ledger/entries/<position>/proof")
@routes.answer(200, EntryProofShape)
@allow("customer", "dpo")
def proof(position: str) -> dict[str, Any]:
    """That an entry stands in the log: for the person it is about, and for the DPO"""
    if not _POSITION.fullmatch(position):
        raise NotFoundError
    with unit() as u:
        leaf = leaf_at(u.db, int(position))
        owner = None if leaf is None else owner_of(u.db, leaf)
        # To a customer the entries of others, and of nobody, do not exist.
        if leaf is None or (u.actor.has("customer") and owner != u.actor.subject):
            raise NotFoundError
        subject = None
        if owner is not None:
            subject = read_subjects(u.db, u.keyring, [owner]).get(owner)
            if subject is not None and subject.key is not None:
                recorded(u, subject)
        found = prove_leaf(u.db, leaf, subject)
    return _show(found) | {"verifier": str(services().log_key.verifier)}


@routes.get("/ledger/consistency")
@routes.answer(200, ConsistencyShape)
@routes.query(ConsistencyQuery)
@allow("customer", "dpo")
def consistency(query: dict[str, Any]) -> dict[str, Any]:
    """That the log of `to` entries begins with the whole log of `from`"""
    old, new = query["old"], query["new"]
    with services().database.connection() as db:
        path = prove_consistency(db, old, new)
    return {"old": old, "new": new, "path": [digest.hex() for digest in path]}


def _show(found: EntryProof) -> dict[str, Any]:
    return {
        "entry": found.entry_id,
        "kind": found.kind,
        "position": found.position,
        "at": found.at,
        "commitment": found.commitment.hex(),
        "salt": None if found.salt is None else found.salt.hex(),
        "leaf_hash": found.leaf_hash.hex(),
        "size": found.size,
        "path": [digest.hex() for digest in found.path],
        "checkpoint": found.checkpoint,
    }
