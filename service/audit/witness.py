"""A witness: keeps the checkpoints of a log elsewhere, and takes a new one only if the log has grown to it.

Its file is appended to and never rewritten: a line with the key that it trusts, and one for each checkpoint.
A checkpoint that contradicts what was seen is written down too, marked as a conflict: two notes that one log
has signed and that cannot both be true are the proof that somebody rewrote it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.crypto.checkpoint import Checkpoint, open_checkpoint
from service.crypto.merkle import EMPTY_ROOT, verify_consistency
from service.crypto.signed_note import NoteVerifier
from service.errors import LedgerError, NoteError

# The path between two sizes, as the log tells it. May raise LedgerError.
Consistency = Callable[[int, int], Sequence[bytes]]


class RewrittenError(LedgerError):
    """The log is not an extension of what it was."""


@dataclass(frozen=True)
class Witness:
    """What a witness file holds: the key it trusts and the checkpoints it took, in their order."""

    path: Path
    verifier: NoteVerifier
    seen: list[Checkpoint]

    def take(self, note: str, consistency: Consistency, at: str) -> Checkpoint:
        """Keep a checkpoint that continues those seen; `note` is empty where nothing was ever signed. Raises
        RewrittenError for one that does not."""
        if not note and self.seen:
            raise RewrittenError(f"the log is empty, where {self.seen[-1].size} entries were signed for")
        if not note:
            return Checkpoint(0, EMPTY_ROOT)
        try:
            new = open_checkpoint(self.verifier, note)
        except NoteError as error:
            raise RewrittenError(f"the checkpoint cannot be trusted: {error}") from None
        old = self.seen[-1] if self.seen else None
        fault = None if old is None else _fault(old, new, consistency)
        if fault is not None:
            _append(self.path, {"conflict": fault, "at": at, "note": note})
            raise RewrittenError(fault)
        if new != old:
            _append(self.path, {"at": at, "note": note})
            self.seen.append(new)
        return new


def open_witness(path: Path, trusted: NoteVerifier | None = None) -> Witness:
    """The witness in `path`, begun now with the key `trusted` if there is no such file. Raises LedgerError
    for a file that cannot be read, or that trusts another key."""
    if not path.exists():
        if trusted is None:
            raise LedgerError(f"{path} does not exist, and no key is given to begin it with")
        _append(path, {"verifier": str(trusted)})
    try:
        rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        verifier = NoteVerifier.read(rows[0]["verifier"])
        seen = [open_checkpoint(verifier, row["note"]) for row in rows[1:] if "conflict" not in row]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, NoteError) as error:
        raise LedgerError(f"{path} is not a witness's file: {error}") from None
    if trusted is not None and str(trusted) != str(verifier):
        raise RewrittenError(f"the log now signs as {trusted}; this witness has known {verifier}")
    return Witness(path, verifier, seen)


def _fault(old: Checkpoint, new: Checkpoint, consistency: Consistency) -> str | None:
    if new.size < old.size:
        return f"the log has shrunk: {old.size} entries were signed for, now {new.size}"
    if new.size == old.size:
        return None if new.root == old.root else f"two trees of {new.size} entries were signed"
    try:
        path = consistency(old.size, new.size)
    except LedgerError as error:
        return f"the log cannot show how it grew from {old.size} to {new.size}: {error}"
    if verify_consistency(old.size, new.size, old.root, new.root, path):
        return None
    return f"the log of {new.size} entries does not begin with the {old.size} that were signed"


def _append(path: Path, row: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, json.dumps(row).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
