"""One spelling for each receipt, so that its digest can be kept and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# What is added after the event, and so is no part of what the digest covers.
PROOF = "proof"


def canonical(document: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and without spaces, in UTF-8: as RFC 8785 has it for documents that hold no
    numbers but small whole ones, as receipts do."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(receipt: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of a receipt without its proof."""
    bare = {key: value for key, value in receipt.items() if key != PROOF}
    return hashlib.sha256(canonical(bare)).hexdigest()
