"""The ledger's tables: what waits, the leaves, the nodes of the tree, and the signed checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.crypto.checkpoint import Checkpoint
from service.crypto.commitment import CHUNK, chunk_entry, chunk_payload, commit
from service.crypto.data_key import DataKey
from service.crypto.merkle import HASH_BYTES, Node, place_of
from service.errors import LedgerError
from service.storage.database import Connection
from service.storage.sql import load

_SQL = load(__file__)
# Any number will do as long as nothing else in the database locks it.
_SEALING = int.from_bytes(b"sealing!", "big")
_LONGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Head:
    """How many leaves there are, and the last checkpoint with its note; None before the first."""

    size: int
    checkpoint: Checkpoint | None
    note: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry in its place."""

    position: int
    entry: UUID
    kind: str
    at: datetime
    commitment: bytes


def hold_sealing(db: Connection) -> bool:
    """Whether this transaction is the one that seals; it is until it ends."""
    row = db.execute(_SQL["hold_sealing"], (_SEALING,)).fetchone()
    return row is not None and bool(row[0])


def read_head(db: Connection) -> Head:
    row = db.execute(_SQL["read_head"], binary=True).fetchone()
    assert row is not None
    size, signed, root, note = row
    return Head(size, None, "") if signed is None else Head(size, Checkpoint(signed, root), note)


def move_pending(db: Connection, most: int) -> list[tuple[int, bytes]]:
    """Give up to `most` waiting entries their places at the end of the log; places and commitments."""
    rows = db.execute(_SQL["move_pending"], (most,), binary=True)
    return [(place, commitment) for place, commitment in rows]


def write_nodes(db: Connection, first: int, completed: Iterable[bytes]) -> None:
    """What each leaf from position `first` on completes, as `Frontier.append` gave it."""
    with db.cursor().copy(_SQL["copy_nodes"]) as copy:
        copy.set_types(("int8", "bytea"))
        for position, hashes in enumerate(completed, first):
            copy.write_row((position, hashes))


def write_checkpoint(db: Connection, checkpoint: Checkpoint, note: str, at: datetime) -> None:
    db.execute(_SQL["insert_checkpoint"], (checkpoint.size, checkpoint.root, note, at))


def read_nodes(db: Connection, wanted: Iterable[Node]) -> dict[Node, bytes]:
    """The hashes of complete subtrees. Raises LedgerError where one is missing."""
    places = {node: place_of(node) for node in wanted}
    positions = sorted({position for position, _ in places.values()})
    rows: dict[int, bytes] = dict(db.execute(_SQL["read_nodes"], (positions,), binary=True).fetchall())
    found = {}
    for node, (position, offset) in places.items():
        digest = rows.get(position, b"")[offset : offset + HASH_BYTES]
        if len(digest) != HASH_BYTES:
            raise LedgerError(f"the node of level {node[0]} that entry {position} completes is missing")
        found[node] = digest
    return found


def find_leaf(db: Connection, entry: UUID) -> Leaf | None:
    """The place of an entry; None as long as it waits for one."""
    return _leaf(db.execute(_SQL["find_leaf"], (entry,), binary=True).fetchone())


def leaf_at(db: Connection, position: int) -> Leaf | None:
    if not 0 <= position <= _LONGEST:
        return None
    return _leaf(db.execute(_SQL["leaf_at"], (position,), binary=True).fetchone())


def owner_of(db: Connection, leaf: Leaf) -> UUID | None:
    """The subject an entry is about; None for a job's chunk, and once it has been erased."""
    if leaf.kind == CHUNK:
        return None
    row = db.execute(_SQL["owner_of"], {"entry": leaf.entry}, binary=True).fetchone()
    return None if row is None else row[0]


def enter_chunk(
    db: Connection, key: DataKey, job: UUID, number: int, *, rows: Sequence[bytes], at: datetime
) -> None:
    """Hand a chunk of a bulk job to the ledger as one entry; `rows` are the payload digests of its rows in
    their order, kept beside it."""
    entry = chunk_entry(job, number)
    commitment = commit(key.salt(entry), chunk_payload(job, number, rows))
    values = {"entry": entry, "digests": b"".join(rows), "at": at, "commitment": commitment}
    db.execute(_SQL["insert_chunk"], values, binary=True)


def _leaf(row: Sequence[object] | None) -> Leaf | None:
    return None if row is None else Leaf(*row)  # type: ignore[arg-type]
