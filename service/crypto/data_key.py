"""Sealed values: AES-256-GCM under one data key per owner (NIST SP 800-38D).

A sealed value is `version (1 byte) ‖ nonce (12 bytes, random) ‖ ciphertext ‖ tag (16 bytes)`. Its
associated data is the place it stands at, so a value that is moved to another table, column, owner,
record or version does not open (guarantees P8).
"""

from __future__ import annotations

import hmac
import os
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.crypto.reading import Reading
from service.errors import UnreadableError

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"
_OVERHEAD = len(_VERSION) + _NONCE_BYTES + 16


def place(table: str, column: str, owner: UUID, record: object, version: int = 1) -> bytes:
    """The associated data of a value: table|column|owner|record|version (law.md X1)."""
    return f"{table}|{column}|{owner.hex}|{record}|{version}".encode()


class Meter(Protocol):
    """Counts encryptions by sample: those whose nonce begins with two bytes up to `sampled`."""

    @property
    def sampled(self) -> bytes: ...

    def count(self, owner: UUID) -> None:
        """Raises KeyExhaustedError when there were too many."""
        ...


class DataKey:
    """The unwrapped key of one owner, whose encryptions `meter` counts."""

    __slots__ = ("_cipher", "_key", "_meter", "_owner")

    def __init__(self, key: bytes, meter: Meter | None = None, owner: UUID | None = None) -> None:
        self._key = key
        self._cipher = AESGCM(key)
        self._meter, self._owner = meter, owner

    @staticmethod
    def generate() -> bytes:
        return AESGCM.generate_key(bit_length=8 * KEY_BYTES)

    def seal(self, plaintext: bytes, at: bytes) -> bytes:
        """Raises KeyExhaustedError when the key has sealed as much as it may."""
        nonce = os.urandom(_NONCE_BYTES)
        if self._meter is not None and self._owner is not None and nonce[:2] <= self._meter.sampled:
            self._meter.count(self._owner)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, at)

    def open(self, sealed: bytes, at: bytes, reading: Reading) -> bytes:
        """Raises UnreadableError for anything but the value sealed at this very place, and for a place that
        `reading` does not cover."""
        if not reading.covers(at):
            raise UnreadableError("what it is read for does not cover this value")
        if len(sealed) < _OVERHEAD or sealed[:1] != _VERSION:
            raise UnreadableError
        try:
            return self._cipher.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], at)
        except InvalidTag:
            raise UnreadableError from None

    def salt(self, entry: UUID) -> bytes:
        """The salt of one entry of the ledger: HMAC-SHA-256 of its id under a key derived from this one. Who
        learns one salt learns nothing about another."""
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"samtycke/ledger-salt/1").derive(
            self._key
        )
        return hmac.digest(key, entry.bytes, "sha256")

    def __repr__(self) -> str:
        return "DataKey(…)"
