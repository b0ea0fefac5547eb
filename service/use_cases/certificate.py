"""The certificate of an erasure: what went, what stays, why, and until when. It holds no personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.actor import show_subject
from service.ids import ERASURE, MESSAGE, show
from service.instants import show_instant
from service.storage.certificates import digest_of

FORMAT = "samtycke-erasure-certificate/1"
# A backup that has come of age is removed by the next daily pruning.
_PRUNED_EVERY = timedelta(days=1)
# The answer to a request must be provable as long as somebody may complain about it.
REQUESTS_KEPT = "P3Y"


def certificate_of(
    erasure: UUID,
    subjects: Sequence[UUID],
    *,
    at: datetime,
    epoch: int,
    gone: Mapping[str, int],
    marks: int,
    recipients: Sequence[str],
    backups_kept: timedelta,
    replayed: bool = False,
    under_way: Sequence[tuple[UUID, datetime]] = (),
    redeemed: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """`subjects`: the erased one first, then those merged into it. `under_way`: messages, and when each was
    handed over, that may yet arrive; everything else in the outbox went unsent. `redeemed`: permits that left
    lately, as an answer shows them."""
    certificate: dict[str, Any] = {
        "format": FORMAT,
        "id": show(ERASURE, erasure),
        "subject": show_subject(subjects[0]),
        "merged": [show_subject(each) for each in subjects[1:]],
        "erased_at": show_instant(at),
        "epoch": epoch,
        "replayed": replayed,
        "erased": {"identifiers": marks, **gone},
        "kept": _kept(marks),
        "recipients_told": list(recipients),
        "irrevocable": [
            {"id": show(MESSAGE, message), "state": "in_flight", "at": show_instant(at)}
            for message, at in under_way
        ]
        + [{"id": permit["id"], "state": permit["state"], "at": permit["at"]} for permit in redeemed],
        "backups": {
            "copies_until": show_instant(copies_until(at, backups_kept)),
            "kept_for_days": backups_kept.days,
            "why": "backups made before the erasure expire by age; one that is brought back before then"
            " has this erasure done again before it serves anybody",
        },
    }
    certificate["digest"] = f"sha-256:{digest_of(certificate).hex()}"
    return certificate


def copies_until(erased_at: datetime, backups_kept: timedelta) -> datetime:
    """The end of the last backup that could hold a copy: midnight behind the day of its pruning."""
    day = (erased_at + backups_kept + _PRUNED_EVERY).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def _kept(marks: int) -> list[dict[str, Any]]:
    return [
        {
            "what": "an opaque id with the instant of erasure, here and in the erasure journal",
            "why": "so that the same id is answered with a refusal, and a copy brought back is erased again"
            " (GDPR Art. 17(3)(b))",
            "until": None,
        },
        {
            "what": f"{marks} keyed marks, one for each identifier",
            "why": "so that an erased person is not written to again (GDPR Art. 21(3), 17(3)(b))",
            "until": None,
        },
        {
            "what": "the request with its instants and states; its sealed reasons no longer open",
            "why": "to show that it was answered in time (GDPR Art. 5(2), 17(3)(e))",
            "until": REQUESTS_KEPT,
        },
        {
            "what": "commitments in the ledger, one for each entry: digests salted by the destroyed key, so"
            " that nobody can open them or try them out",
            "why": "so that what was decided for others can still be proven (GDPR Art. 5(2), 17(3)(e))",
            "until": None,
        },
        {
            "what": "bulk jobs, under way or just ended, that name the opaque id; sealed under their own key",
            "why": "the job answers for many; for this id it says that the person was erased",
            "until": "a week after the job ends, when its key is destroyed",
        },
    ]
