"""What erasure removes: the data key first, and then every row it sealed."""

from __future__ import annotations

from uuid import UUID

from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)

# Report name to statement, in the order of the foreign keys.
_DELETES = {
    "signals": "delete_signals",
    "decisions": "delete_decisions",
    "reorders": "delete_reorders",
    "activity": "delete_activity",
    "choices": "delete_states",
    "consent_events": "delete_events",
    "access_log": "delete_access_log",
    "stored_answers": "delete_idempotency",
    "legal_holds": "delete_holds",
}


def erase_rows(unit: Unit, subject: UUID) -> tuple[dict[str, int], int]:
    """Rows deleted by kind, and the tombstone's epoch. The subject is locked by the caller."""
    unit.db.execute(_SQL["begin_erasing"])
    gone = {"data_key": unit.db.execute(_SQL["destroy_key"], (subject,)).rowcount}
    for name, statement in _DELETES.items():
        gone[name] = unit.db.execute(_SQL[statement], (subject,)).rowcount
    unit.db.execute(_SQL["end_erasing"])
    row = unit.db.execute(_SQL["entomb"], {"subject": subject, "now": unit.now}).fetchone()
    assert row is not None
    return gone, int(row[0])
