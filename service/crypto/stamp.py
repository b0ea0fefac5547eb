"""A stamp: that this installation showed something to somebody at an instant, which nothing stores.

It holds the instant, and a code over the instant and what was shown: HMAC-SHA-256 under a derived key, cut to
160 bits. So it tells nobody anything, cannot be made up, and fits nothing but exactly what was shown.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime

from service.crypto.blind_index import BlindIndex

_AT_BYTES, _CODE_BYTES = 5, 20
# In base32, which these 25 bytes fill to the last bit: one stamp has one spelling.
LENGTH = 40


def stamp(index: BlindIndex, kind: str, shown: bytes, at: datetime) -> str:
    """The stamp of `shown`, which also says to whom. Raises UnavailableError when the root cannot be had."""
    instant = int(at.timestamp()).to_bytes(_AT_BYTES, "big")
    return base64.b32encode(instant + _code(index, kind, instant, shown)).decode().lower()


def read_stamp(index: BlindIndex, kind: str, shown: bytes, text: str) -> datetime | None:
    """When `shown` was stamped; None for whatever is no stamp of ours, or one of something else."""
    if len(text) != LENGTH or not text.isascii() or text != text.lower():
        return None
    try:
        data = base64.b32decode(text.upper())
    except binascii.Error:
        return None
    instant, code = data[:_AT_BYTES], data[_AT_BYTES:]
    if not hmac.compare_digest(code, _code(index, kind, instant, shown)):
        return None
    return datetime.fromtimestamp(int.from_bytes(instant, "big"), UTC)


def _code(index: BlindIndex, kind: str, instant: bytes, shown: bytes) -> bytes:
    digest = hashlib.sha256(shown).digest()
    return index.digest(f"stamp/{kind}", instant + digest)[:_CODE_BYTES]
