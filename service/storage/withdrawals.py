"""Withdrawals from a contract: what a consumer said of one reorder, and what was answered, sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.reading import CONTRACT
from service.ids import new_id
from service.storage.reorders import Reorder
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_TABLE = "withdrawals"

ACCEPTED, REFUSED = "accepted", "refused"


class WithdrawalDetails(msgspec.Struct, omit_defaults=True):
    """What was said: by whom (`name`), where the acknowledgement goes (an e-mail address, or None: the inbox
    alone), and how it came (`by`: `app` or `link`). `text` is the acknowledgement as it was given,
    `cancelled` whether nothing had been sent yet, `reason` why it was refused."""

    name: str
    contact: str | None
    by: str
    cancelled: bool = False
    text: dict[str, str] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    id: UUID
    reorder: UUID
    outcome: str
    at: datetime
    details: WithdrawalDetails


def insert_withdrawal(
    unit: Unit, owner: Subject, reorder: Reorder, outcome: str, details: WithdrawalDetails
) -> Withdrawal:
    """Keep it, once for each reorder and outcome, under the key of the reorder's owner, whose person is
    locked by the caller."""
    made = Withdrawal(new_id(), reorder.id, outcome, unit.now, details)
    values = {
        "id": made.id,
        "subject": owner.id,
        "reorder": reorder.id,
        "outcome": outcome,
        "now": unit.now,
        "sealed": owner.seal(details, _TABLE, made.id),
    }
    unit.db.execute(_SQL["insert_withdrawal"], values)
    return made


def read_accepted(unit: Unit, owner: Subject, reorder: UUID) -> Withdrawal | None:
    """Raises UnreadableError for one that does not open."""
    rows = unit.db.execute(_SQL["read_accepted"], (owner.id, reorder), binary=True)
    return next((_opened(owner, row) for row in rows), None)


def read_withdrawals(unit: Unit, owner: Subject) -> list[Withdrawal]:
    """All of them, refused ones too, oldest first. Raises UnreadableError."""
    return [_opened(owner, row) for row in unit.db.execute(_SQL["read_all"], (owner.id,), binary=True)]


def _opened(owner: Subject, row: Any) -> Withdrawal:
    withdrawal, reorder, outcome, at, sealed = row
    said = owner.open(sealed, _TABLE, withdrawal, CONTRACT)
    return Withdrawal(withdrawal, reorder, outcome, at, msgspec.convert(said, WithdrawalDetails))
