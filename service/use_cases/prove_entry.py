"""Show that an entry is in the ledger, with everything that checking it needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service import ids
from service.crypto.checkpoint import Promise, sign_promise
from service.crypto.commitment import CHUNK, CONSENT_EVENT, DECISIONS
from service.crypto.merkle import hashes_of, inclusion_ranges, leaf_hash, nodes_of, verify_inclusion
from service.crypto.signed_note import NoteSigner
from service.errors import LedgerError
from service.instants import show_instant
from service.storage.database import Connection
from service.storage.ledger import Leaf, find_leaf, read_head, read_nodes
from service.storage.subjects import Subject
from service.storage.unit import Unit

_PREFIXES = {CONSENT_EVENT: ids.CONSENT_EVENT, DECISIONS: ids.DECISION, CHUNK: "chk"}


@dataclass(frozen=True, slots=True)
class EntryProof:
    """`commitment` at `position` is in the tree that `checkpoint` (a signed note) is about: `path` holds the
    siblings, the nearest first. `salt` opens the commitment; None where its key is gone or not given."""

    entry: UUID
    kind: str
    position: int
    at: datetime
    commitment: bytes
    salt: bytes | None
    size: int
    root: bytes
    path: list[bytes]
    checkpoint: str

    @property
    def entry_id(self) -> str:
        return show_entry(self.kind, self.entry)

    @property
    def leaf_hash(self) -> bytes:
        return leaf_hash(self.commitment)


def prove_entry(unit: Unit, subject: Subject, entry_id: UUID) -> EntryProof | None:
    """The proof of an entry of this subject; None as long as it waits for its place, for seconds at most."""
    leaf = find_leaf(unit.db, entry_id)
    return None if leaf is None else prove_leaf(unit.db, leaf, subject)


def prove_leaf(db: Connection, leaf: Leaf, owner: Subject | None) -> EntryProof:
    """The proof under the last checkpoint. Raises LedgerError where the log does not match it."""
    head = read_head(db)
    if head.checkpoint is None or head.checkpoint.size <= leaf.position:
        raise LedgerError(f"entry {leaf.position} stands in the log, and in no checkpoint")
    ranges = inclusion_ranges(leaf.position, head.checkpoint.size)
    path = hashes_of(ranges, read_nodes(db, nodes_of(ranges)))
    size, root = head.checkpoint.size, head.checkpoint.root
    if not verify_inclusion(leaf.position, size, leaf_hash(leaf.commitment), path, root):
        raise LedgerError(f"entry {leaf.position} is not in the tree that was signed for {size}")
    return EntryProof(
        entry=leaf.entry,
        kind=leaf.kind,
        position=leaf.position,
        at=leaf.at,
        commitment=leaf.commitment,
        salt=None if owner is None or owner.key is None else owner.key.salt(leaf.entry),
        size=size,
        root=root,
        path=path,
        checkpoint=head.note,
    )


def promise_for(signer: NoteSigner, event: UUID, commitment: bytes, at: datetime) -> str:
    """The signed promise that an event, accepted at `at`, will be in the log."""
    return sign_promise(signer, Promise(show_entry(CONSENT_EVENT, event), commitment, show_instant(at)))


def show_entry(kind: str, entry: UUID) -> str:
    return ids.show(_PREFIXES[kind], entry)
