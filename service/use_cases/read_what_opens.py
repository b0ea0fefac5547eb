"""Read many people's states where one that cannot be read must not keep the others waiting."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from service.crypto.keyring import Keyring
from service.errors import UnreadableError
from service.storage.database import Connection
from service.storage.subjects import Subject, read_subjects


def read_what_opens(
    db: Connection, keyring: Keyring, ids: Sequence[UUID]
) -> tuple[dict[UUID, Subject], set[UUID]]:
    """The subjects that exist and can be read, and those that cannot; each of the latter costs a few more
    round trips."""
    try:
        return read_subjects(db, keyring, ids), set()
    except UnreadableError:
        if len(ids) == 1:
            return {}, {ids[0]}
    middle = len(ids) // 2
    found, unreadable = read_what_opens(db, keyring, ids[:middle])
    more, others = read_what_opens(db, keyring, ids[middle:])
    return found | more, unreadable | others
