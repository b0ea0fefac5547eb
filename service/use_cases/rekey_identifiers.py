"""Give every identifier a digest under a new key, while everybody goes on registering and looking up.

From its beginning new identifiers get the new digest, and look-ups ask for both; afterwards only for the new
one. What is done stands in the rows: whoever comes next, a worker or a command, goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from service.bootstrap import Services
from service.storage.index_versions import (
    begin_version,
    count_old,
    digest_anew,
    newest_version,
    retire_versions,
)

BATCH = 500
_BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """`left` identifiers still have an older digest: somebody held them, time ran out, or they cannot be
    opened (`unreadable`)."""

    version: int
    digested: int
    unreadable: int
    left: int


def begin_rekeying(services: Services) -> int:
    """Begin a new version unless one is under way; its number."""
    with services.database.transaction() as db:
        version = newest_version(db)
        if count_old(db, version):
            return version
        return begin_version(db, services.keyring)


def go_on_rekeying(
    services: Services,
    *,
    seconds: float = float("inf"),
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda _: None,
) -> Rekeyed:
    """Digest anew what is left, for about so long, and end the older versions when nothing is."""
    until = time.monotonic() + seconds
    with services.database.connection() as db:
        version = newest_version(db)
    digested = unreadable = 0
    after: UUID | None = _BEFORE_ALL
    while after is not None and time.monotonic() < until:
        with services.database.transaction() as db:
            found = digest_anew(db, services.keyring, services.index, version, after=after, limit=batch)
        after = found.last
        digested, unreadable = digested + found.digested, unreadable + found.unreadable
        progress(digested)
    with services.database.transaction() as db:
        left = count_old(db, version)
        if not left:
            retire_versions(db, version)
    return Rekeyed(version, digested, unreadable, left)
