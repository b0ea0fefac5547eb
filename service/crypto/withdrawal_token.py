"""The token in a link to withdraw from one contract: which reorder, sealed so that it tells nobody anything.

AES-SIV (RFC 5297), as with unsubscribe tokens and for their reasons: it cannot be guessed (128 bits), nothing
of it is stored, and it outlives every rotation of keys. Its key is of its own kind, so that no token of the
one sort opens as one of the other.
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from service.crypto.blind_index import BlindIndex

LENGTH = 44
_KIND = "withdrawal"
# Fills the last letter, so that a token has one spelling.
_FILL = b"\x00"


def seal_link(index: BlindIndex, reorder: UUID) -> str:
    """The same token for the same reorder. Raises UnavailableError when the root cannot be had."""
    return base64.urlsafe_b64encode(_cipher(index).encrypt(reorder.bytes + _FILL, None)).decode()


def open_link(index: BlindIndex, token: str) -> UUID | None:
    """None for what is no token of ours. Raises UnavailableError when the root cannot be had."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        opened = _cipher(index).decrypt(base64.b64decode(token, altchars=b"-_", validate=True), None)
    except (binascii.Error, InvalidTag):
        return None
    return UUID(bytes=opened[:16])


def _cipher(index: BlindIndex) -> AESSIV:
    return AESSIV(index.digest(_KIND, b"1") + index.digest(_KIND, b"2"))
