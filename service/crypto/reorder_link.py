"""The token in a link about one reorder: to answer it, or to withdraw from its contract. It is sealed so that
it tells nobody anything.

AES-SIV (RFC 5297), as with unsubscribe tokens and for their reasons: it cannot be guessed (128 bits), nothing
of it is stored, and it outlives every rotation of keys. Each kind has a key of its own, so that no token of
one sort opens as one of another.
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from service.crypto.blind_index import BlindIndex

LENGTH = 44
WITHDRAW, ANSWER = "withdrawal", "answer"
# Fills the last letter, so that a token has one spelling.
_FILL = b"\x00"


def seal_link(index: BlindIndex, kind: str, reorder: UUID) -> str:
    """The same token for the same kind and reorder. Raises UnavailableError when the root cannot be had."""
    return base64.urlsafe_b64encode(_cipher(index, kind).encrypt(reorder.bytes + _FILL, None)).decode()


def open_link(index: BlindIndex, kind: str, token: str) -> UUID | None:
    """None for what is no token of ours of this kind. Raises UnavailableError when the root cannot be had."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        opened = _cipher(index, kind).decrypt(base64.b64decode(token, altchars=b"-_", validate=True), None)
    except (binascii.Error, InvalidTag):
        return None
    return UUID(bytes=opened[:16])


def _cipher(index: BlindIndex, kind: str) -> AESSIV:
    return AESSIV(index.digest(kind, b"1") + index.digest(kind, b"2"))
