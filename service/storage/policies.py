"""Published policies. A version never changes, so a process compiles each one once and keeps it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from psycopg.types.json import Jsonb

from service.errors import NotFoundError, PolicyMissingError
from service.policy import Policy, load_policy
from service.storage.database import Connection, Database
from service.storage.sql import load
from service.storage.unit import PolicyInForce

_SQL = load(__file__)
IN_FORCE = _SQL["in_force"]


class PolicyStore:
    """Compiled policies by version, read through `database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._compiled = lru_cache(maxsize=16)(self._compile)

    def _compile(self, version: int) -> Policy:
        # A connection of its own: a cached value must not come from a transaction that rolls back.
        with self._database.connection() as db:
            row = db.execute(_SQL["read_policy"], (version,)).fetchone()
        if row is None:
            raise NotFoundError("policy")
        return load_policy(row[0])

    def version(self, version: int) -> Policy:
        """Raises NotFoundError for a version that was never published."""
        return self._compiled(version)

    def in_force(self, db: Connection) -> PolicyInForce:
        """Raises PolicyMissingError when none has been published."""
        row = db.execute(IN_FORCE).fetchone()
        return self.from_row(row)

    def from_row(self, row: tuple[Any, ...] | None) -> PolicyInForce:
        """The same, for a caller that sent `IN_FORCE` along with its own statements."""
        if row is None:
            raise PolicyMissingError
        return PolicyInForce(row[0], self.version(row[0]))


def publish_policy(db: Connection, document: Mapping[str, Any], now: datetime) -> int | None:
    """Publish `document`; its version, or None if it is in force already. Raises PolicyRefused."""
    load_policy(document)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).digest()
    row = db.execute(
        _SQL["insert_policy"], {"digest": digest, "document": Jsonb(document), "now": now}
    ).fetchone()
    return None if row is None else int(row[0])
