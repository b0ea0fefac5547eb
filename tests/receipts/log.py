"""A log written down from the standards, sharing no code with the service's own."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
        signature = base64.b64encode(self.key_id + self.private.sign(text.encode())).decode()
        note = f"{text}\n\u2014 {NAME} {signature}\n"
        return Proof(position, commitment, bytes(32), size, root, path(leaves, position), note)


@dataclass(frozen=True)
class Proof:
    position: int
    commitment: bytes
    salt: bytes | None
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
