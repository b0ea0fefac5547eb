"""Whether a log holds an event, from what a receipt carries and the log's public key alone.

It shares no code with the log: whoever checks should not repeat the mistakes of whoever is checked. Leaves
and nodes are those of RFC 6962, section 2.1; the walk is that of RFC 9162, section 2.1.3.2; the checkpoint is
a signed note (C2SP signed-note, tlog-checkpoint). A leaf commits to the event: SHA-256(salt, SHA-256(tag,
chain digest, SHA-256 of what was said)).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from service.receipts.canonical import canonical

_EVENT = b"samtycke/ledger/consent-event/1\x00"
_ED25519 = b"\x01"
_NO_KEY = "the key is not a verifier key: name+hash+base64"


class ProofError(ValueError):
    """What does not fit, in words."""


def commitment_of(event: Mapping[str, Any], salt: bytes) -> bytes:
    said = hashlib.sha256(canonical(event["said"])).digest()
    payload = hashlib.sha256(_EVENT + bytes.fromhex(event["digest"]) + said).digest()
    return hashlib.sha256(salt + payload).digest()


def check_commitment(proof: Mapping[str, Any]) -> bytes:
    """Raises ProofError where what the log holds, or has promised to hold, is not this event."""
    commitment = commitment_of(proof["event"], bytes.fromhex(proof["salt"]))
    if commitment.hex() != proof["commitment"]:
        raise ProofError("the entry of the log is not about this event")
    return commitment


def check_inclusion(commitment: bytes, ledger: Mapping[str, Any]) -> None:
    """Raises ProofError where the path does not lead from the entry to the root."""
    path = [bytes.fromhex(step) for step in ledger["path"]]
    leaf = hashlib.sha256(b"\x00" + commitment).digest()
    if _root(ledger["position"], ledger["size"], leaf, path) != bytes.fromhex(ledger["root"]):
        raise ProofError("the path does not lead from the entry to the root of the log")


def check_checkpoint(ledger: Mapping[str, Any], key: str) -> str:
    """The name of the log. Raises ProofError where `key`, a verifier key `name+hash+base64`, has not signed
    the size and the root that the path leads to."""
    name, lines = _open(ledger["checkpoint"], key, "checkpoint")
    root = base64.b64encode(bytes.fromhex(ledger["root"])).decode()
    if lines[:3] != [name, str(ledger["size"]), root]:
        raise ProofError("the checkpoint is about another state of the log")
    return name


def check_promise(proof: Mapping[str, Any], commitment: bytes, key: str) -> str:
    """The name of the log. Raises ProofError where `key` has not promised to hold the event."""
    name, lines = _open(proof["promise"], key, "promise")
    event = proof["event"]
    digest = base64.b64encode(commitment).decode()
    if lines != [f"{name}/promise", event["id"], digest, event["recorded_at"], ""]:
        raise ProofError("the promise is about another event")
    return name


def _open(note: str, key: str, what: str) -> tuple[str, list[str]]:
    """The name of the log, and the lines that it signed."""
    name, key_id, public = _read_key(key)
    text, blank, signatures = note.rpartition("\n\n")
    text += "\n"
    if not blank or not _is_signed(text, signatures, name, key_id, public):
        raise ProofError(f"the {what} is not signed by {name}")
    return name, text.split("\n")


def _root(position: int, size: int, leaf: bytes, path: list[bytes]) -> bytes | None:
    if position >= size:
        return None
    digest, here, last = leaf, position, size - 1
    for sibling in path:
        if last == 0:
            return None
        if here & 1 or here == last:
            digest = hashlib.sha256(b"\x01" + sibling + digest).digest()
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            digest = hashlib.sha256(b"\x01" + digest + sibling).digest()
        here, last = here >> 1, last >> 1
    return digest if last == 0 else None


def _read_key(key: str) -> tuple[str, bytes, Ed25519PublicKey]:
    parts = key.strip().split("+", 2)
    try:
        name, stated, encoded = parts
        raw = base64.b64decode(encoded, validate=True)
        public = Ed25519PublicKey.from_public_bytes(raw[1:])
    except (ValueError, binascii.Error):
        raise ProofError(_NO_KEY) from None
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if raw[:1] != _ED25519 or key_id.hex() != stated.lower():
        raise ProofError(_NO_KEY)
    return name, key_id, public


def _is_signed(text: str, signatures: str, name: str, key_id: bytes, public: Ed25519PublicKey) -> bool:
    for line in signatures.splitlines():
        parts = line.split(" ")
        if len(parts) != 3 or parts[:2] != ["\u2014", name]:
            continue
        try:
            signature = base64.b64decode(parts[2], validate=True)
            if signature[:4] == key_id:
                public.verify(signature[4:], text.encode())
                return True
        except (InvalidSignature, ValueError, binascii.Error):
            return False
    return False
