"""Show that the log has only grown between two sizes."""

from __future__ import annotations

from service.crypto.merkle import consistency_ranges, hashes_of, nodes_of
from service.errors import InputFault, InvalidInputError
from service.storage.database import Connection
from service.storage.ledger import read_head, read_nodes


def prove_consistency(db: Connection, old: int, new: int) -> list[bytes]:
    """The path from the tree of `old` entries to that of `new`. Raises InvalidInputError for sizes that the
    signed log has not had, LedgerError where the tree has holes."""
    checkpoint = read_head(db).checkpoint
    size = 0 if checkpoint is None else checkpoint.size
    faults = []
    if new > size:
        faults.append(InputFault("/to", f"the log has {size} entries"))
    if old > new:
        faults.append(InputFault("/from", "is above `to`"))
    if faults:
        raise InvalidInputError(faults)
    ranges = consistency_ranges(old, new)
    return hashes_of(ranges, read_nodes(db, nodes_of(ranges)))
