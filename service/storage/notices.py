"""Notices stand in the published policies, also in those that are no longer in force."""

from __future__ import annotations

from typing import Any

from service.storage.database import Connection
from service.storage.sql import load

_SQL = load(__file__)


def read_notice_policy(db: Connection, purpose: str, version: int) -> dict[str, Any] | None:
    """The newest policy document in which `purpose` has that version of its notice."""
    row = db.execute(_SQL["read_notice_policy"], {"purpose": purpose, "version": version}).fetchone()
    return None if row is None else dict(row[0])
