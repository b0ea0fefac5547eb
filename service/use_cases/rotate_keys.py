"""Make a new key-encryption key active and wrap every data key anew, while everybody goes on working.

Values are not encrypted again. Rows are taken in small batches that skip whatever somebody holds, so nobody
waits for the rotation, and it waits for nobody. What is done stands in the rows themselves: a rotation that
was killed is taken up by the next call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from service.bootstrap import Services
from service.crypto.keks import Kek
from service.errors import ConflictError, UnreadableError
from service.storage.database import Connection
from service.storage.keks import read_keks
from service.storage.key_rotation import (
    OldKey,
    activate_kek,
    count_wrapped,
    hold_rotation,
    let_rotate,
    mark_compromised,
    mark_destroyed,
    rewrap,
    rewrap_root,
    take_old,
    take_old_roots,
)

BATCH = 500
_BEFORE_ALL = UUID(int=0)
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Rotated:
    """`made` is False where an interrupted rotation was finished and no new key made. `unreadable` data keys
    open under no key of ours and stay as they are."""

    active: str
    made: bool
    rewrapped: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class _Batch:
    rewrapped: int
    unreadable: int
    last: UUID | None


def rotate_keys(
    services: Services,
    *,
    compromised: str | None = None,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> Rotated:
    """Rotate, or finish a rotation that was interrupted. `compromised` names a key to be marked so: a new key
    is made if it is the active one. Raises ConflictError while another rotation is at work, NotFoundError
    for an unknown key, ConfigError where an administrator has to lay a new key ready first."""
    keyring = services.keyring
    with _alone(services):
        active, made = _begin(services, compromised)
        began, rewrapped = time.monotonic(), 0

        def count(more: int) -> None:
            nonlocal rewrapped
            rewrapped += more
            progress(rewrapped)

        while True:
            unreadable = _one_pass(services, active, batch, count)
            waited = time.monotonic() - began > keyring.settings.view_seconds
            with services.database.connection() as db:
                left = sum(each.keys for kek, each in count_wrapped(db).items() if kek != active)
            if left <= unreadable and waited:
                if made or rewrapped or compromised:
                    return Rotated(active, made, rewrapped, unreadable)
                # All that was left opens under no key: that is no rotation to be finished.
                active, made, began = _make(services).id, True, time.monotonic()
                continue
            # Processes may take the old key for active until they look again, and rows were held.
            pause(_PAUSE if left > unreadable else keyring.settings.view_seconds)


def retire_key(services: Services, kek: str, *, grace: float | None = None) -> str:
    """Destroy a key that wraps nothing any more, in the book and then at its provider; a sentence about what
    is left to do. Called again for a destroyed key, it asks the provider again. Raises NotFoundError,
    KeyInUseError, KeysUnavailableError."""
    keyring = services.keyring
    with services.database.transaction() as db:
        wait = 2 * keyring.settings.view_seconds if grace is None else grace
        provider = mark_destroyed(db, kek, wait)
    keyring.look_again()
    found = keyring.providers.get(provider)
    if found is None:
        return f"destroy it where it is kept: SAMTYCKE_KEYS names no {provider}:… any more"
    return found.destroy(kek)


@contextmanager
def _alone(services: Services) -> Iterator[None]:
    with services.database.connection() as db:
        if not hold_rotation(db):
            raise ConflictError("another rotation is at work")
        try:
            yield
        finally:
            let_rotate(db)


def _begin(services: Services, compromised: str | None) -> tuple[str, bool]:
    keyring = services.keyring
    keyring.look_again()
    active = keyring.active()
    with services.database.connection() as db:
        unfinished = any(kek != active.id for kek in count_wrapped(db))
    made = compromised == active.id if compromised else not unfinished
    if made:
        active = _make(services)
    if compromised:
        with services.database.transaction() as db:
            mark_compromised(db, compromised)
    return active.id, made


def _make(services: Services) -> Kek:
    keyring = services.keyring
    with services.database.connection() as db:
        known = read_keks(db)
    provider = next(iter(keyring.providers.values()))
    # Kept by its provider before anything says that it is active.
    kek = provider.make(known)
    with services.database.transaction() as db:
        activate_kek(db, kek, provider.name)
    keyring.look_again()
    return keyring.active()


def _one_pass(services: Services, active: str, size: int, count: Callable[[int], None]) -> int:
    """How many data keys do not open."""
    with services.database.transaction() as db:
        for version, wrapped in take_old_roots(db, active):
            root = services.keyring.open_root(version, wrapped)
            rewrap_root(db, version, services.keyring.seal_root(version, root))
    unreadable, after = 0, _BEFORE_ALL
    while True:
        with services.database.transaction() as db:
            found = _rewrap_batch(services, db, active, after, size)
        count(found.rewrapped)
        unreadable += found.unreadable
        if found.last is None:
            return unreadable
        after = found.last


def _rewrap_batch(services: Services, db: Connection, active: str, after: UUID, size: int) -> _Batch:
    """The next owners beyond `after`; `last` is None at the end."""
    rows = take_old(db, active, after, size)
    opened: list[tuple[UUID, bytes]] = []
    for kek, group in groupby(sorted(rows, key=lambda row: row.wrapped.kek), key=lambda row: row.wrapped.kek):
        opened += _opened(services, kek, list(group))
    if opened:
        wrapped = services.keyring.wrap_all(opened)
        # All of one call are under one key, which may be a newer one than we began with.
        rewrap(db, wrapped[0].kek, [owner for owner, _ in opened], [each.wrapped for each in wrapped])
    return _Batch(len(opened), len(rows) - len(opened), rows[-1].owner if len(rows) == size else None)


def _opened(services: Services, kek: str, rows: list[OldKey]) -> list[tuple[UUID, bytes]]:
    try:
        keys = services.keyring.unwrap_all(kek, [(row.owner, row.wrapped.wrapped) for row in rows])
    except UnreadableError:
        return []
    return [(row.owner, key) for row, key in zip(rows, keys, strict=True) if key is not None]
