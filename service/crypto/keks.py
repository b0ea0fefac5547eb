"""Key-encryption keys by state (NIST SP 800-57), and the book in which every process looks them up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from service.errors import ConflictError

ACTIVE, DEACTIVATED, COMPROMISED, DESTROYED = "active", "deactivated", "compromised", "destroyed"
STATES = (ACTIVE, DEACTIVATED, COMPROMISED, DESTROYED)

# NIST SP 800-38D, section 8.3: invocations of AES-GCM under one key with random nonces.
GCM_LIMIT = 2**32


class KeyInUseError(ConflictError):
    """This key is still needed."""


class WrappedKey(NamedTuple):
    """A data key under a key-encryption key: what the database keeps."""

    kek: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Kek:
    """One key-encryption key: the active one wraps, all but a destroyed one unwrap. `invocations` counts what
    processes reserved, so it is never below what they did."""

    id: str
    provider: str
    state: str
    invocations: int
    created_at: datetime


class KekBook(Protocol):
    """What is kept about keys outside the provider. Every call commits by itself, and raises
    UnavailableError when that is impossible."""

    def read(self) -> Mapping[str, Kek]:
        """All keys by id."""
        ...

    def adopt(self, provider: str, choose: Callable[[], list[str]]) -> None:
        """Enter the first keys of an installation, the first of them active, unless somebody else has."""
        ...

    def reserve(self, kek: str, most: int, limit: int) -> int:
        """Count up to `most` invocations of an active key within its `limit`; how many: 0 when it has been
        used up or is no longer active."""
        ...

    def count_seals(self, owner: UUID, count: int) -> int:
        """Add to the count of values sealed under a data key; the new count, 0 for a key that is not kept."""
        ...

    def index_root(self, version: int, make: Callable[[], WrappedKey]) -> WrappedKey:
        """The wrapped root of the blind indexes, kept from `make` if there is none of version 1."""
        ...
