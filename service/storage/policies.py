"""Published policies. A version never changes, so a process compiles each one once and keeps it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from service.errors import NotFoundError, PolicyMissingError
from service.policy import Policy, load_policy
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.unit import PolicyInForce

_SQL = load(__file__)
IN_FORCE = _SQL["in_force"]
_MOST_COMPILED = 16


class PolicyStore:
    """Compiled policies by version. A version that a transaction published and rolled back is never given
    out again, so what one transaction read is right for all."""

    def __init__(self) -> None:
        self._compiled: dict[int, Policy] = {}

    def version(self, db: Connection, version: int) -> Policy:
        """Raises NotFoundError for a version that was never published."""
        policy = self._compiled.get(version)
        if policy is None:
            row = db.execute(_SQL["read_policy"], (version,)).fetchone()
            if row is None:
                raise NotFoundError("policy")
            policy = load_policy(row[0])
            while len(self._compiled) >= _MOST_COMPILED:
                self._compiled.pop(next(iter(self._compiled)), None)
            self._compiled[version] = policy
        return policy

    def in_force(self, db: Connection) -> PolicyInForce:
        """Raises PolicyMissingError when none has been published."""
        return self.from_row(db, db.execute(IN_FORCE).fetchone())

    def from_row(self, db: Connection, row: tuple[Any, ...] | None) -> PolicyInForce:
        """The same, for a caller that sent `IN_FORCE` along with its own statements."""
        if row is None:
            raise PolicyMissingError
        return PolicyInForce(row[0], self.version(db, row[0]))


def version_at(db: Connection, at: datetime) -> int:
    """The policy in force at an instant; the first one where none was yet."""
    row = db.execute(_SQL["version_at"], {"now": at}).fetchone()
    if row is None:
        raise PolicyMissingError
    return int(row[0])


def publish_policy(db: Connection, document: Mapping[str, Any], now: datetime) -> int | None:
    """Publish `document`; its version, or None if it is in force already. Raises PolicyRefused."""
    load_policy(document)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).digest()
    row = db.execute(
        _SQL["insert_policy"], {"digest": digest, "document": Jsonb(document), "now": now}
    ).fetchone()
    return None if row is None else int(row[0])
