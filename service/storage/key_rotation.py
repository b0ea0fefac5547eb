"""The rows of a rotation: keys by state, and data keys that change their wrapping."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple
from uuid import UUID

from service.crypto.keks import ACTIVE, COMPROMISED, DEACTIVATED, DESTROYED, KeyInUseError, WrappedKey
from service.errors import ConflictError, NotFoundError
from service.storage.database import Connection
from service.storage.keks import insert_kek
from service.storage.sql import load

_SQL = load(__file__)


class Wrapped(NamedTuple):
    """How many data keys and roots of blind indexes one key wraps."""

    keys: int
    roots: int


class OldKey(NamedTuple):
    owner: UUID
    wrapped: WrappedKey


def hold_rotation(db: Connection) -> bool:
    """Whether this connection may rotate, until it closes: there is one rotation at a time."""
    row = db.execute(_SQL["hold_rotation"]).fetchone()
    return row is not None and bool(row[0])


def let_rotate(db: Connection) -> None:
    db.execute(_SQL["let_rotate"])


def activate_kek(db: Connection, kek: str, provider: str) -> None:
    """Make a new key the active one; the one before is deactivated."""
    db.execute(_SQL["deactivate"])
    insert_kek(db, kek, provider, ACTIVE)


def mark_compromised(db: Connection, kek: str) -> None:
    """Raises NotFoundError, and ConflictError for the active key or a destroyed one."""
    state, _, _ = _hold(db, kek)
    if state in (ACTIVE, DESTROYED):
        raise ConflictError(f"{kek} is {state}")
    db.execute(_SQL["set_state"], {"kek": kek, "state": COMPROMISED})


def mark_destroyed(db: Connection, kek: str, grace: float) -> str:
    """The provider of the key. Raises NotFoundError, and KeyInUseError when it is active, wraps anything, or
    was active less than `grace` seconds ago, so that a process may still take it for active."""
    state, provider, since = _hold(db, kek)
    if state == ACTIVE:
        raise KeyInUseError(f"{kek} is active: rotate first")
    if state in (DEACTIVATED, COMPROMISED):
        if since is not None and since < grace:
            raise KeyInUseError(f"{kek} was active a moment ago: try again in {ceil(grace - since)} seconds")
        wrapped = count_wrapped(db).get(kek)
        if wrapped is not None:
            raise KeyInUseError(f"{kek} still wraps {wrapped.keys} data keys and {wrapped.roots} index roots")
        db.execute(_SQL["set_state"], {"kek": kek, "state": DESTROYED})
    return provider


def count_wrapped(db: Connection) -> dict[str, Wrapped]:
    """What each key wraps; a key that wraps nothing is not there."""
    return {kek: Wrapped(keys, roots) for kek, keys, roots in db.execute(_SQL["count_wrapped"])}


def take_old(db: Connection, active: str, after: UUID, limit: int) -> list[OldKey]:
    """Locked rows of owners beyond `after` that another key than the active one wraps."""
    key = {"active": active, "after": after, "limit": limit}
    rows = db.execute(_SQL["take_old"], key, binary=True)
    return [OldKey(owner, WrappedKey(kek, wrapped)) for owner, kek, wrapped in rows]


def rewrap(db: Connection, kek: str, owners: Sequence[UUID], wrapped: Sequence[bytes]) -> None:
    db.execute(_SQL["rewrap"], {"kek": kek, "owners": list(owners), "wrapped": list(wrapped)})


def take_old_roots(db: Connection, active: str) -> list[tuple[int, WrappedKey]]:
    rows = db.execute(_SQL["take_old_roots"], (active,), binary=True)
    return [(version, WrappedKey(kek, wrapped)) for version, kek, wrapped in rows]


def rewrap_root(db: Connection, version: int, wrapped: WrappedKey) -> None:
    db.execute(_SQL["rewrap_root"], (*wrapped, version))


def _hold(db: Connection, kek: str) -> tuple[str, str, float | None]:
    row = db.execute(_SQL["hold_kek"], (kek,)).fetchone()
    if row is None:
        raise NotFoundError(f"there is no key {kek}")
    return row[0], row[1], row[2]
