"""What shows that a receipt is true, carried along with it and not covered by its digest.

`digest` is that of the receipt; `event` is what was recorded, word for word, with its place in the person's
chain; `promise` is the log's signed word that it will hold that very event, and `ledger`, seconds later,
shows that it does. `salt` opens the commitment of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from service.instants import show_instant
from service.receipts.canonical import PROOF, digest_of
from service.receipts.source import Source


class Inclusion(Protocol):
    """The part of `service.use_cases.prove_entry.EntryProof` that a receipt carries."""

    @property
    def position(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def root(self) -> bytes: ...
    @property
    def path(self) -> Sequence[bytes]: ...
    @property
    def checkpoint(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the log says about an event: `promise` is a signed note, `key` who signs, as name+hash+base64."""

    salt: bytes
    commitment: bytes
    promise: str
    key: str
    inclusion: Inclusion | None


def with_proof(
    receipt: Mapping[str, Any], source: Source, said: Mapping[str, Any], evidence: Evidence
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
        "salt": evidence.salt.hex(),
        "commitment": evidence.commitment.hex(),
        "promise": evidence.promise,
        "key": evidence.key,
    }
    if (ledger := evidence.inclusion) is not None:
        proof["ledger"] = {
            "position": ledger.position,
            "size": ledger.size,
            "root": ledger.root.hex(),
            "path": [step.hex() for step in ledger.path],
            "checkpoint": ledger.checkpoint,
        }
    return {**receipt, PROOF: proof}
