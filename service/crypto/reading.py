"""What a sealed value is opened for (guarantees P11; GDPR Art. 5(1)(b), purpose limitation).

`DataKey.open` asks for a Reading, so nobody can open a value and forget to say why; a Reading opens the
tables that belong to its purpose and no other. The person's own choices and what follows from them are opened
for `consent_administration`, requests and reports for `subject_rights`. Data about the person that the policy
divides into categories (signals) has no Reading here: `of_data` makes one for a single category, in
`service.use_cases.read_signals` after the policy has said that a purpose is in force, and nowhere else but
where two subjects become one and every signal is sealed anew.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A purpose, and the tables whose values it may open."""

    purpose: str
    tables: frozenset[bytes]

    def covers(self, place: bytes) -> bool:
        """Whether a value at `place` (`service.crypto.data_key.place`) may be opened."""
        return place.partition(b"|")[0] in self.tables


def _reading(purpose: str, *tables: str) -> Reading:
    return Reading(purpose, frozenset(table.encode() for table in tables))


def signals_of(data: str) -> str:
    """The table part of the place of a signal: its data category belongs to it."""
    return f"signals/{data}"


def of_data(purpose: str, data: str) -> Reading:
    """To open one data category for a purpose that is in force for the person."""
    return _reading(purpose, signals_of(data))


CONSENT_ADMINISTRATION = _reading(
    "consent_administration",
    "subject_states",
    "subject_activity",
    "consent_events",
    "decisions",
    "reorders",
    "reorder_steps",
    "permits",
)
# To see what came of what was proposed, or would have been.
EVALUATION = _reading("evaluation", "cases")
SUBJECT_RIGHTS = _reading("subject_rights", "request_steps", "access_log")
# To find a person again, and to reach them for what a purpose in force permits.
IDENTIFICATION = _reading("identification", "identifiers")
# What a pharmacist sees of an order, and decided about it.
PHARMACIST_REVIEW = _reading("pharmacist_review", "reviews")
# What is said to the person, on its way and where they read it.
CORRESPONDENCE = _reading("correspondence", "outbox", "inbox_messages")
# What a consumer says of a contract that was concluded.
CONTRACT = _reading("contract", "withdrawals")
# What the service keeps for itself while it works, about no one person.
OPERATION = _reading("operation", "job_chunks", "idempotency_keys", "webhook_endpoints")
# Keys that wrap keys.
KEY_WRAPPING = _reading("key_wrapping", "keys.data_keys", "keys.index_roots")
