"""What the shop says of a parcel that was ordered through us: it arrived, or came back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from service.errors import NotFoundError
from service.ids import REORDER, read
from service.storage.reorders import Reorder, move_reorder, read_reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit

_DELIVERED, _RETURNED = "delivered", "returned"


class Told(Protocol):
    """What is asked of a signal."""

    @property
    def subject(self) -> UUID: ...

    @property
    def type(self) -> str: ...

    @property
    def at(self) -> datetime: ...

    @property
    def data(self) -> Mapping[str, Any]: ...


def note_parcels(unit: Unit, subjects: Mapping[UUID, Subject], signals: Iterable[Told]) -> None:
    """Keep it with the reorder that a signal names as its `order`, if it is the same person's and product's.

    Only the shop's word counts. It counts even where the gate refuses to store the signal: whether our own
    order was carried out belongs to the contract (GDPR Art. 6(1)(b)), needs no consent, and says nothing but
    that; the signal itself, from which a forecast might learn, is stored or refused as any other.
    """
    if not unit.actor.has("shop", "system"):
        return
    for signal in signals:
        if signal.type not in (_DELIVERED, _RETURNED):
            continue
        subject = subjects.get(signal.subject)
        reorder = None if subject is None else _named(unit, subject, signal)
        if subject is not None and reorder is not None:
            _note(unit, subject, reorder, signal)


def _named(unit: Unit, subject: Subject, signal: Told) -> Reorder | None:
    """The shop's own order numbers, which mean nothing here, are most of them."""
    try:
        reorder = read(REORDER, str(signal.data.get("order")))
    except NotFoundError:
        return None
    return None if subject.key is None else read_reorder(unit, subject, reorder)


def _note(unit: Unit, subject: Subject, reorder: Reorder, signal: Told) -> None:
    details = reorder.details
    if details is None or details.candidate.sku != signal.data["sku"]:
        return
    if signal.type == _DELIVERED:
        # The shop may have taken an order whose answer was lost, and which we therefore hold to have failed.
        if reorder.state in ("dispatched", "failed"):
            move_reorder(unit, subject, reorder, "delivered", _DELIVERED, changed={"delivered_at": signal.at})
    elif reorder.state in ("dispatched", "delivered") and details.returned_at != signal.at:
        # No state of its own: what is done about it is the contract's withdrawal, or the shop's.
        move_reorder(unit, subject, reorder, reorder.state, _RETURNED, changed={"returned_at": signal.at})
