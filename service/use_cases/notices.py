"""Notices: the texts under which a purpose asks for consent, and their version.

`version` is the major number that decisions compare with a purpose's `min_notice_version`; an edit that
changes nothing of what is asked raises `revision` alone. The content hash names the exact words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.errors import NotFoundError
from service.storage.notices import read_notice_policy
from service.storage.unit import Unit

Texts = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Notice:
    """`texts` by locale: title, summary and notice. `hashes` by locale: SHA-256 in hex."""

    purpose: str
    version: int
    revision: int
    texts: Texts
    hashes: dict[str, str]


def notice_of(document: Mapping[str, Any], purpose: str) -> Notice:
    """The notice of a purpose in a policy document. Without a version of its own it is of the lowest one that
    the purpose still accepts."""
    entry = document["purposes"][purpose]
    stated = entry.get("notice") or (document.get("notices") or {}).get(purpose) or {}
    least = entry.get("min_notice_version") or 1
    texts: Texts = {
        locale: dict(said) if isinstance(said, Mapping) else {"notice": said}
        for locale, said in (entry.get("texts") or {}).items()
    }
    return Notice(
        purpose=purpose,
        version=int(stated.get("version", least)),
        revision=int(stated.get("revision", 0)),
        texts=texts,
        hashes={locale: content_hash(said) for locale, said in texts.items()},
    )


def content_hash(texts: Mapping[str, str]) -> str:
    """SHA-256 of one locale's texts as JSON with sorted keys and without spaces, in UTF-8."""
    canonical = json.dumps(texts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_notice(unit: Unit, purpose: str, version: int) -> Notice:
    """The newest revision of a version that was ever in force: whoever consented may read again to what.
    Raises NotFoundError."""
    document = read_notice_policy(unit.db, purpose, version)
    if document is None:
        raise NotFoundError("notice")
    return notice_of(document, purpose)
