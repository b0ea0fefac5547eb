"""Acknowledge a withdrawal on a durable medium, in the transaction that accepts it (CRD 11a(4); law.md A8).

It is put into the person's inbox at once, and sent to the address that was given. No choice about marketing,
no pause, no quiet hour and no cap has a say in it.
"""

from __future__ import annotations

from service.ids import REORDER, WITHDRAWAL, show
from service.storage.inbox import put_message
from service.storage.outbox import ACKNOWLEDGEMENT, Entry, Message, end_message
from service.storage.reorders import ReorderDetails
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.storage.withdrawals import Withdrawal
from service.use_cases.publish_event import WITHDRAWN
from service.use_cases.queue_message import queue_message

_BY = "email"


def acknowledge_withdrawal(
    unit: Unit, person: Subject, withdrawal: Withdrawal, ordered: ReorderDetails
) -> None:
    """`person` is locked, and `withdrawal` accepted, with its text."""
    details = withdrawal.details
    assert details.text is not None
    lines = [{"text": line, "url": None} for line in details.text["body"].split("\n\n")]
    said = {
        "kind": WITHDRAWN,
        "locale": person.choices.locale,
        "title": details.text["subject"],
        "lines": lines,
    }
    put_message(unit, person, show(WITHDRAWAL, withdrawal.id), said)
    if details.contact is not None:
        content = {"to": details.contact, "text": details.text}
        message = Message(
            ACKNOWLEDGEMENT,
            show(REORDER, withdrawal.reorder),
            ordered.candidate,
            ordered.strategy,
            ordered.decision,
            content,
            channel=_BY,
        )
        queue_message(unit, person, message, unit.now)


def move_acknowledgement(unit: Unit, entry: Entry, target: Subject) -> bool:
    """Have `target`, into whom its person is merged, get one that waits. False for any other message."""
    message = entry.message
    if message is None or message.kind != ACKNOWLEDGEMENT or entry.state != "queued":
        return False
    end_message(unit, entry.id, "cancelled")
    queue_message(unit, target, message, max(entry.due_at, unit.now))
    return True
