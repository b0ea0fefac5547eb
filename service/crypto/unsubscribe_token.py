"""The token in an unsubscribe link: whom it is of and which channel, sealed so that it tells nobody anything.

AES-SIV (RFC 5297) under a key derived from the root of the blind indexes, version 1, which outlives every
rotation of key-encryption keys and every new version of identifiers' digests: a link in a letter of three
years ago still works. It cannot be guessed (128 bits), and all of them have the same length.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from service.crypto.blind_index import BlindIndex

LENGTH = 48
_KIND = "unsubscribe"
_CHANNEL_BYTES = 4


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """`channel` is a digest: names of channels differ in length."""

    subject: UUID
    channel: bytes

    def is_of(self, channel: str) -> bool:
        return self.channel == _digest(channel)


def seal_token(index: BlindIndex, subject: UUID, channel: str) -> str:
    """The same token for the same person and channel. Raises UnavailableError when the root cannot be had."""
    sealed = _cipher(index).encrypt(subject.bytes + _digest(channel), None)
    return base64.urlsafe_b64encode(sealed).decode()


def open_token(index: BlindIndex, token: str) -> Unsubscription | None:
    """None for what is no token of ours. Raises UnavailableError when the root cannot be had."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
        opened = _cipher(index).decrypt(data, None)
    except (binascii.Error, InvalidTag):
        return None
    return Unsubscription(UUID(bytes=opened[:16]), opened[16:])


def _cipher(index: BlindIndex) -> AESSIV:
    return AESSIV(index.digest(_KIND, b"1") + index.digest(_KIND, b"2"))


def _digest(channel: str) -> bytes:
    return hashlib.sha256(channel.encode()).digest()[:_CHANNEL_BYTES]
