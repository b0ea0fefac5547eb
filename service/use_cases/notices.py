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
from service.policy import Policy, stated_notice
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
    return _notice(document, purpose, document["purposes"][purpose])


def channel_notice_of(document: Mapping[str, Any], channel: str) -> Notice:
    """The same for the opt-in to a channel, whose words are those that describe it."""
    return _notice(document, channel, document["channels"][channel] or {})


def current_notice(policy: Policy, name: str, *, channel: bool = False) -> int | None:
    """The major version now in use, where the policy states one."""
    entry = policy.document["channels" if channel else "purposes"][name] or {}
    version = stated_notice(policy.document, name, entry).get("version")
    return None if version is None else int(version)


def _notice(document: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> Notice:
    stated = stated_notice(document, name, entry)
    texts: Texts = {
        locale: dict(said) if isinstance(said, Mapping) else {"notice": said}
        for locale, said in (entry.get("texts") or {}).items()
    }
    return Notice(
        purpose=name,
        version=int(stated.get("version") or entry.get("min_notice_version") or 1),
        revision=int(stated.get("revision") or 0),
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
