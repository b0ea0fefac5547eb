"""Notices stand in the published policies, also in those that are no longer in force."""

from __future__ import annotations

from typing import Any

from service.storage.database import Connection
from service.storage.sql import load

_SQL = load(__file__)
_NEWEST = 2**62


def read_notice_policy(
    db: Connection, name: str, version: int, *, section: str = "purposes", until: int = _NEWEST
) -> dict[str, Any] | None:
    """The newest policy document, up to the policy version `until`, in which the purpose or channel has that
    version of its notice."""
    asked = {"section": section, "name": name, "version": version, "until": until}
    row = db.execute(_SQL["read_notice_policy"], asked).fetchone()
    return None if row is None else dict(row[0])
