"""A log written down from the standards, sharing no code with the service's own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.receipts.canonical import canonical
from service.receipts.proof import Evidence

NAME = "log.example/samtycke"


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


@dataclass(frozen=True)
class Log:
    """A log of seven entries, signed as any log would be; written down here from the standards."""

    private: Ed25519PrivateKey

    @property
    def key(self) -> str:
        raw = b"\x01" + self.private.public_key().public_bytes_raw()
        return f"{NAME}+{self.key_id.hex()}+{base64.b64encode(raw).decode()}"

    @property
    def key_id(self) -> bytes:
        raw = b"\x01" + self.private.public_key().public_bytes_raw()
        return sha(NAME.encode() + b"\n" + raw)[:4]

    def prove(self, commitment: bytes, position: int, size: int = 7) -> Proof:
        leaves = [sha(b"\x00", sha(bytes([n]))) for n in range(size)]
        leaves[position] = sha(b"\x00", commitment)
        root = tree(leaves)
        text = f"{NAME}\n{size}\n{base64.b64encode(root).decode()}\n"
        return Proof(position, size, root, path(leaves, position), self.sign(text))

    def evidence(self, event: Mapping[str, Any], position: int, size: int = 7) -> Evidence:
        """What the log would say about `event`, as a receipt shows it, whose salt is zero."""
        said = hashlib.sha256(canonical(event["said"])).digest()
        payload = sha(b"samtycke/ledger/consent-event/1\x00", bytes.fromhex(event["digest"]), said)
        commitment = sha(bytes(32), payload)
        digest = base64.b64encode(commitment).decode()
        promise = self.sign(f"{NAME}/promise\n{event['id']}\n{digest}\n{event['recorded_at']}\n")
        return Evidence(bytes(32), commitment, promise, self.key, self.prove(commitment, position, size))

    def sign(self, text: str) -> str:
        signature = base64.b64encode(self.key_id + self.private.sign(text.encode())).decode()
        return f"{text}\n\u2014 {NAME} {signature}\n"


@dataclass(frozen=True)
class Proof:
    position: int
    size: int
    root: bytes
    path: list[bytes]
    checkpoint: str


def split(leaves: list[bytes]) -> int:
    return 1 << (len(leaves) - 1).bit_length() - 1


def tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = split(leaves)
    return sha(b"\x01", tree(leaves[:at]), tree(leaves[at:]))


def path(leaves: list[bytes], position: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = split(leaves)
    if position < at:
        return [*path(leaves[:at], position), tree(leaves[at:])]
    return [*path(leaves[at:], position - at), tree(leaves[:at])]
