"""Receipts of consent events: pure functions of the event, the notice that was shown and the policy of its
day, so that the same event gives the same bytes for ever.

    source = Source(…)                    # service.use_cases.read_receipt finds one in the database
    receipt = build_receipt(source)       # ISO/IEC TS 27560 in the Data Privacy Vocabulary, JSON-LD
    build_kantara(source)                 # Kantara Consent Receipt 1.1
    receipt_page(receipt_view(source, "sv"))
"""

from __future__ import annotations

from service.receipts.canonical import canonical, digest_of
from service.receipts.jsonld import build_receipt
from service.receipts.kantara import build_kantara
from service.receipts.source import ShownNotice, Source

__all__ = ["ShownNotice", "Source", "build_kantara", "build_receipt", "canonical", "digest_of"]
