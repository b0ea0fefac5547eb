"""Give what has been written its place in the ledger, and sign the tree that it makes.

Writers only leave a row behind and never wait for each other; this comes right after, one at a time, for many
entries at once. It signs only what continues what was signed before: a log that was cut or rewritten is left
as it is.
"""

from __future__ import annotations

from service.bootstrap import Services
from service.crypto.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from service.crypto.merkle import Frontier, peaks_of
from service.crypto.signed_note import NoteVerifier
from service.errors import LedgerError, NoteError
from service.storage.database import Connection
from service.storage.ledger import (
    Head,
    hold_sealing,
    move_pending,
    read_head,
    read_nodes,
    write_checkpoint,
    write_nodes,
)

BATCH = 10_000
_MOST_BATCHES = 20


def seal_ledger(services: Services, batch: int = BATCH) -> int:
    """How many entries got their places now; 0 where nothing waits or somebody else is at it.

    Raises LedgerError for a log that is not what was signed last."""
    total = 0
    for _ in range(_MOST_BATCHES):
        with services.database.transaction() as db:
            sealed = _seal(services, db, batch) if hold_sealing(db) else 0
        total += sealed
        if sealed < batch:
            break
    return total


def _seal(services: Services, db: Connection, batch: int) -> int:
    head = read_head(db)
    frontier = _checked(db, head, services.log_key.verifier)
    placed = move_pending(db, batch)
    if not placed:
        return 0
    if placed[0][0] != frontier.size:
        raise LedgerError(f"the next entry should be {frontier.size}, and is {placed[0][0]}")
    write_nodes(db, frontier.size, [frontier.append(commitment) for _, commitment in placed])
    checkpoint = Checkpoint(frontier.size, frontier.root())
    write_checkpoint(db, checkpoint, sign_checkpoint(services.log_key, checkpoint), services.now)
    return len(placed)


def _checked(db: Connection, head: Head, verifier: NoteVerifier) -> Frontier:
    """The right edge of the tree, if it is the one that was signed last."""
    if head.checkpoint is None:
        if head.size:
            raise LedgerError(f"{head.size} entries stand in the log, and no checkpoint")
        return Frontier()
    size = head.checkpoint.size
    try:
        signed = open_checkpoint(verifier, head.note)
    except NoteError as error:
        raise LedgerError(f"the checkpoint of {size} entries: {error}") from None
    if signed != head.checkpoint or size != head.size:
        raise LedgerError(f"{signed.size} entries were signed for, and {head.size} stand in the log")
    peaks = peaks_of(0, size)
    nodes = read_nodes(db, peaks)
    frontier = Frontier(size, [nodes[node] for node in peaks])
    if frontier.root() != signed.root:
        raise LedgerError(f"the tree of {size} entries is not the one that was signed")
    return frontier
