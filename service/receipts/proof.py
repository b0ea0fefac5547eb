"""What shows that a receipt is true, carried along with it and not covered by its digest.

`digest` is that of the receipt; `event` is what was recorded, word for word, with its place in the person's
chain; `ledger`, as soon as there is one, shows that this very event stands in the log that others witness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from service.instants import show_instant
from service.receipts.canonical import PROOF, digest_of
from service.receipts.source import Source


class LedgerProof(Protocol):
    """The part of `service.use_cases.prove_entry.EntryProof` that a receipt carries."""

    @property
    def position(self) -> int: ...
    @property
    def commitment(self) -> bytes: ...
    @property
    def salt(self) -> bytes | None: ...
    @property
    def size(self) -> int: ...
    @property
    def root(self) -> bytes: ...
    @property
    def path(self) -> Sequence[bytes]: ...
    @property
    def checkpoint(self) -> str: ...


def with_proof(
    receipt: Mapping[str, Any], source: Source, said: Mapping[str, Any], ledger: LedgerProof | None
) -> dict[str, Any]:
    """`receipt` with its proof. `said` is the payload of the event."""
    proof: dict[str, Any] = {
        "digest": digest_of(receipt),
        "event": {
            "id": source.event_id,
            "number": source.number,
            "recorded_at": show_instant(source.recorded_at),
            "previous": source.previous.hex(),
            "digest": source.digest.hex(),
            "said": dict(said),
        },
    }
    if ledger is not None and ledger.salt is not None:
        proof["ledger"] = {
            "position": ledger.position,
            "salt": ledger.salt.hex(),
            "commitment": ledger.commitment.hex(),
            "size": ledger.size,
            "root": ledger.root.hex(),
            "path": [step.hex() for step in ledger.path],
            "checkpoint": ledger.checkpoint,
        }
    return {**receipt, PROOF: proof}
