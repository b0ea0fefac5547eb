"""Erase a person (GDPR Art. 17): the key is destroyed, the rows go, a tombstone and keyed marks stay."""

from __future__ import annotations

from typing import Any

from service.actor import show_subject
from service.instants import show_instant
from service.storage.erasure import erase_rows
from service.storage.identifiers import suppress_identifiers
from service.storage.merge import merged_into
from service.storage.requests import close_moot_requests
from service.storage.subjects import Subject
from service.storage.unit import Unit


def erase_subject(unit: Unit, subject: Subject) -> dict[str, Any]:
    """The certificate: what went, what stays and why. `subject` is locked by the caller."""
    identifiers = suppress_identifiers(unit, subject.id)
    gone, epoch = erase_rows(unit, subject.id)
    close_moot_requests(unit, subject.id)
    for merged in merged_into(unit, subject.id):
        rows, _ = erase_rows(unit, merged)
        gone = {name: count + rows[name] for name, count in gone.items()}
    subject.status, subject.key, subject.epoch = "erased", None, epoch
    return {
        "subject": show_subject(subject.id),
        "erased_at": show_instant(unit.now),
        "epoch": epoch,
        "erased": {"identifiers": identifiers, **gone},
        "kept": [
            {
                "what": "an opaque id with the instant of erasure",
                "why": "so that the same id is answered with a refusal (GDPR Art. 17(3)(b))",
            },
            {
                "what": f"{identifiers} keyed marks, one for each identifier",
                "why": "so that an erased person is not written to again (GDPR Art. 21(3), 17(3)(b))",
            },
            {
                "what": "the request with its instants and states; its sealed reasons no longer open",
                "why": "to show that it was answered in time (GDPR Art. 5(2), 17(3)(e))",
            },
        ],
    }
