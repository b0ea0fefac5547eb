"""What the log signs: checkpoints (C2SP tlog-checkpoint), and promises that an entry will be in it.

Both are signed notes by the same key. The first line keeps them apart: a checkpoint begins with the log's
origin, a promise with `origin/promise`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from service.crypto.merkle import HASH_BYTES
from service.crypto.signed_note import NoteSigner, NoteVerifier
from service.errors import NoteError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_PROMISE = "/promise"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log as it stood with `size` entries."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Promise:
    """Entry `entry` (its public id) with this commitment was accepted at `at` and will be in the log."""

    entry: str
    commitment: bytes
    at: str


def sign_checkpoint(signer: NoteSigner, checkpoint: Checkpoint) -> str:
    return signer.sign(f"{signer.name}\n{checkpoint.size}\n{_encode(checkpoint.root)}\n")


def open_checkpoint(verifier: NoteVerifier, note: str) -> Checkpoint:
    """Raises NoteError for what this log has not signed as a checkpoint."""
    lines = verifier.open(note).split("\n")
    if len(lines) < 4 or lines[0] != verifier.name or not _SIZE.fullmatch(lines[1]):
        raise NoteError(f"this is not a checkpoint of {verifier.name}")
    return Checkpoint(int(lines[1]), _decode(lines[2]))


def sign_promise(signer: NoteSigner, promise: Promise) -> str:
    lines = (signer.name + _PROMISE, promise.entry, _encode(promise.commitment), promise.at)
    return signer.sign("".join(f"{line}\n" for line in lines))


def open_promise(verifier: NoteVerifier, note: str) -> Promise:
    """Raises NoteError for what this log has not signed as a promise."""
    lines = verifier.open(note).split("\n")
    if len(lines) != 5 or lines[0] != verifier.name + _PROMISE or not _INSTANT.fullmatch(lines[3]):
        raise NoteError(f"this is not a promise of {verifier.name}")
    return Promise(lines[1], _decode(lines[2]), lines[3])


def _encode(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _decode(text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != HASH_BYTES:
        raise NoteError("the note holds no digest where one belongs")
    return digest
