"""What erasure removes: the data key first, and then every row it sealed."""

from __future__ import annotations

from uuid import UUID

from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)

# Report name to statement.
_DELETES = {
    "signals": "delete_signals",
    "reviews": "delete_reviews",
    "held_reorders": "delete_held_reorders",
    "reorders": "delete_reorders",
    "withdrawals": "delete_withdrawals",
    "permits": "delete_permits",
    "cases": "delete_cases",
    "pilot_members": "delete_members",
    "messages": "delete_messages",
    "stored_answers": "delete_idempotency",
    "inbox": "delete_inbox",
    "changes_told": "delete_changes_told",
    "legal_holds": "delete_holds",
}
# Report names of what the eraser's function deletes, in its order.
_HISTORY = ("decisions", "activity", "choices", "consent_events", "access_log")


def erase_rows(unit: Unit, subject: UUID) -> tuple[dict[str, int], int]:
    """Rows deleted by kind, and the tombstone's epoch. The subject is locked by the caller."""
    gone = {"data_key": unit.db.execute(_SQL["destroy_key"], (subject,)).rowcount}
    steps = unit.db.execute(_SQL["erase_reorder_steps"], (subject,)).fetchone()
    assert steps is not None
    gone["reorder_steps"] = steps[0]
    for name, statement in _DELETES.items():
        gone[name] = unit.db.execute(_SQL[statement], (subject,)).rowcount
    history = unit.db.execute(_SQL["erase_history"], (subject,)).fetchone()
    assert history is not None
    gone |= dict(zip(_HISTORY, history, strict=True))
    unit.keyring.forget(subject)
    row = unit.db.execute(_SQL["entomb"], {"subject": subject, "now": unit.now}).fetchone()
    assert row is not None
    return gone, int(row[0])
