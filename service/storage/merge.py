"""Moving what one subject's key sealed under another's, and the tombstone that names whom it went to."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from service.crypto.keyring import WrappedKey
from service.crypto.reading import CONSENT_ADMINISTRATION, of_data
from service.errors import UnreadableError
from service.storage.choices import Activity, Choices
from service.storage.identifiers import read_identifiers
from service.storage.signals import (
    SealedSignal,
    SignalRow,
    dedupe_digest,
    insert_signals,
    known_digests,
    open_signal,
    read_sealed,
)
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)


def move_identifiers(unit: Unit, source: Subject, target: Subject) -> int:
    """Seal the identifiers of `source` under the key of `target`; how many there were."""
    known = read_identifiers(unit, source)
    for each in known:
        sealed = target.seal({"type": each.type, "value": each.value}, "identifiers", each.id)
        unit.db.execute(_SQL["move_identifier"], (target.id, sealed, each.id))
    return len(known)


def move_signals(unit: Unit, source: Subject, target: Subject, categories: Sequence[str]) -> int:
    """The same for signals, leaving out what `target` has already. Raises UnreadableError for one that
    opens as none of the data `categories`: nothing may get lost silently."""
    moved = [_moved(unit, source, target, each, categories) for each in read_sealed(unit, source)]
    rows = {row.dedupe: row for row in moved}
    known = known_digests(unit, [(target.id, digest) for digest in rows])
    insert_signals(unit, [row for digest, row in rows.items() if digest not in known])
    unit.db.execute(_SQL["delete_signals"], (source.id,))
    return len(rows) - len(known)


def entomb_as_merged(unit: Unit, source: Subject, target: Subject) -> None:
    """`source` answers as erased from now on. Its key opens its past decisions until `target` is erased."""
    unit.db.execute(_SQL["entomb"], {"subject": source.id, "into": target.id, "now": unit.now})


def merged_into(unit: Unit, subject: UUID) -> list[UUID]:
    """Everybody who was merged into a subject, directly or through others."""
    return [row[0] for row in unit.db.execute(_SQL["read_merged"], {"subject": subject})]


def survivor(unit: Unit, subject: UUID) -> UUID | None:
    """Whom a subject was merged into; None for one that was not."""
    row = unit.db.execute(_SQL["read_survivor"], (subject,)).fetchone()
    return None if row is None else row[0]


def _moved(
    unit: Unit, source: Subject, target: Subject, signal: SealedSignal, categories: Sequence[str]
) -> SignalRow:
    for data in categories:
        content = open_signal(source, signal, data, of_data(CONSENT_ADMINISTRATION.purpose, data))
        if content is not None:
            digest = dedupe_digest(unit, target.id, content.type, content.id)
            return SignalRow(target, digest, signal.at, data, content)
    raise UnreadableError


def read_merged_subjects(unit: Unit, subject: UUID) -> list[Subject]:
    """Those merged into a subject, with the keys that open what stayed with them: past decisions, requests
    and reads. Their choices are empty: they have none of their own any more."""
    rows = unit.db.execute(_SQL["read_merged_keys"], (merged_into(unit, subject),), binary=True)
    asked = [(owner, WrappedKey(kek, wrapped)) for owner, kek, wrapped in rows]
    keys = unit.keyring.unwrap_many(asked)
    return [
        Subject(owner, "erased", 0, 0, key, Choices(), Activity())
        for (owner, _), key in zip(asked, keys, strict=True)
    ]
