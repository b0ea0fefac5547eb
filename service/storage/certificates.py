"""What an erasure leaves behind: its certificate, its line of the journal, and who is to be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from service.errors import UnreadableError
from service.storage.database import Connection
from service.storage.journal import Entry
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A recipient and how far telling it has come (Art. 19)."""

    recipient: str
    kind: str
    state: str
    changed_at: datetime


def digest_of(certificate: Mapping[str, Any]) -> bytes:
    """SHA-256 over the certificate without its own stamp, in canonical JSON."""
    body = {name: value for name, value in certificate.items() if name != "digest"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def keep_erasure(
    unit: Unit, erasure: UUID, request: UUID | None, certificate: Mapping[str, Any], entry: Entry
) -> None:
    """Keep the certificate with the line of the journal that tells of it."""
    unit.db.execute(
        _SQL["insert_erasure"],
        (
            erasure,
            entry.subjects[0],
            request,
            entry.at,
            Jsonb(certificate),
            digest_of(certificate),
            entry.number,
            entry.line,
        ),
    )


def read_certificate(unit: Unit, request: UUID) -> tuple[dict[str, Any], list[Notice]] | None:
    """The certificate of an erasure that was asked for, and its notices; None while there is none. Raises
    UnreadableError for one that was changed since it was issued."""
    row = unit.db.execute(_SQL["read_erasure"], (request,)).fetchone()
    if row is None:
        return None
    erasure, certificate, digest = row
    if digest_of(certificate) != digest:
        raise UnreadableError("this certificate was changed after it was issued")
    return certificate, [Notice(*each) for each in unit.db.execute(_SQL["read_notices"], (erasure,))]


def last_entry(db: Connection) -> int:
    """The highest number of a journal entry that the database knows; 0 where it knows none."""
    row = db.execute(_SQL["last_entry"]).fetchone()
    return 0 if row is None else int(row[0])


def known_lines(db: Connection) -> dict[int, str]:
    """The journal as far as the database knows it."""
    return dict(db.execute(_SQL["read_lines"]).fetchall())


def tell_recipients(unit: Unit, erasure: UUID, recipients: Iterable[str]) -> None:
    for recipient in recipients:
        unit.db.execute(_SQL["insert_notice"], {"erasure": erasure, "recipient": recipient, "now": unit.now})


def named_recipients(db: Connection) -> list[str]:
    """Every recipient that any policy ever named, for the whole or for a purpose."""
    names: set[str] = set()
    for (document,) in db.execute(_SQL["read_policies"]):
        purposes, data = (document.get(section) or {} for section in ("purposes", "data"))
        for entry in (document, *purposes.values(), *data.values()):
            for each in (entry or {}).get("recipients") or ():
                name = each.get("name") or each.get("id") if isinstance(each, Mapping) else each
                names.add(name if isinstance(name, str) else json.dumps(each, sort_keys=True))
    return sorted(names)


def close_erasure_requests(unit: Unit, entry: Entry) -> None:
    unit.db.execute(_SQL["close_requests"], {"subjects": list(entry.subjects), "at": entry.at})


def known_subjects(unit: Unit, entry: Entry) -> list[UUID]:
    """Those subjects of an entry that the database has, locked."""
    return [row[0] for row in unit.db.execute(_SQL["known_subjects"], (list(entry.subjects),))]


def hold_replay(db: Connection) -> None:
    """Let nobody else replay until the transaction ends."""
    db.execute(_SQL["hold_replay"])
