"""Reads across tables that only the person's own request needs."""

from __future__ import annotations

from service.storage.decisions import DecisionRow, open_row
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)


def decisions_of(unit: Unit, subject: Subject) -> list[DecisionRow]:
    """Every recorded decision about the subject, oldest first."""
    rows = unit.db.execute(_SQL["read_decisions"], (subject.id,), binary=True)
    return [open_row(unit.keyring, row) for row in rows]
