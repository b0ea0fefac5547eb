"""What is kept against the tree: every event and decision has its entry, every chain holds, and where the
keys are at hand, every entry commits to what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from service.audit.dump import HEADS, OPENINGS, Dump
from service.audit.findings import AFTER_ALL, Finding
from service.crypto.chain import GENESIS, digest_over
from service.crypto.commitment import (
    CHUNK,
    CONSENT_EVENT,
    DECISIONS,
    chunk_entry,
    chunk_payload,
    commit,
    event_digest,
    row_digest,
    split_rows,
)
from service.storage.ledger_export import Row

Places = Mapping[str, tuple[int, str, str]]


@dataclass(frozen=True)
class Checked:
    """`gone`: entries that have no content any more. `opened`: commitments that were compared. `shortened`:
    chains that begin later than at their first event, with no key at hand that says whether they may."""

    gone: int
    opened: int
    shortened: int
    findings: list[Finding]


def check_content(dump: Dump, places: Places) -> Checked:
    waiting = {row["entry"]: (AFTER_ALL, row["kind"], row["commitment"]) for row in dump.rows("pending")}
    content = _Content({**waiting, **places})
    content.chains(dump)
    content.decisions(dump)
    opened = content.open(dump)
    gone = sum(1 for entry in places if entry not in content.seen)
    return Checked(gone, opened, content.shortened, content.findings)


class _Content:
    def __init__(self, places: Places) -> None:
        self._places = places
        self.findings: list[Finding] = []
        # Entry to what it should commit to: a chain digest, a row's digest, or a chunk's rows.
        self.seen: dict[str, Any] = {}
        self.shortened = 0

    def chains(self, dump: Dump) -> None:
        heads = {row["subject"]: row for row in dump.rows(HEADS)}
        for subject, events in groupby(dump.rows("events"), key=lambda row: row["subject"]):
            head = heads.pop(subject, None)
            count, last = self._chain(subject, events, head)
            if head is not None and (head["events"], head["head"]) != (count, last.hex()):
                self._headless(subject, head, count)
        for subject, head in heads.items():
            if head["events"] != head["purged"]:
                self._headless(subject, head, 0)

    def _chain(self, subject: str, events: Iterator[Row], head: Row | None) -> tuple[int, bytes]:
        """The number and the digest of the last event. Without the head nothing tells whether the first ones
        were removed for their age: then the chain begins where it begins."""
        number, previous, before, whole = 0, GENESIS, -1, True
        if head is not None and head["purged"]:
            number, previous = head["purged"], bytes.fromhex(head["tail"])
        for row in events:
            if head is None and number == 0 and row["number"] > 1:
                number, previous = row["number"] - 1, bytes.fromhex(row["previous"])
                self.shortened += 1
            number += 1
            what = f"event {row['number']} of {subject}"
            position = self._place(row["event"], CONSENT_EVENT, what)
            fault = None
            digest = digest_over(
                bytes.fromhex(row["previous"]),
                subject=UUID(subject),
                number=row["number"],
                event=UUID(row["event"]),
                at=row["at"],
                sealed=bytes.fromhex(row["sealed"]),
            )
            if row["number"] != number:
                fault = f"event {number} of {subject} is missing"
                number = row["number"]
            elif row["previous"] != previous.hex():
                fault = f"{what} does not follow the one before it"
            elif digest.hex() != row["digest"]:
                fault = f"{what} is not the one that its digest was made of"
            elif position is not None and position < before:
                fault = f"{what} stands in the log before the one that it follows"
            if fault is not None and whole:
                self.findings.append(Finding(AFTER_ALL if position is None else position, fault))
                whole = False
            previous = bytes.fromhex(row["digest"])
            before = before if position is None else position
            self.seen[row["event"]] = previous
        return number, previous

    def decisions(self, dump: Dump) -> None:
        parts = {row["entry"]: split_rows(bytes.fromhex(row["digests"])) for row in dump.rows("parts")}
        known = {entry: frozenset(rows) for entry, rows in parts.items()}
        for row in dump.rows("decisions"):
            numbers = (row["epoch"] or 0, row["activity"] or 0, row["policy"])
            sealed = bytes.fromhex(row["sealed"])
            digest = row_digest(UUID(row["row"]), UUID(row["owner"]), row["at"], numbers, sealed)
            if row["job"] is None:
                self._place(row["row"], DECISIONS, f"the decisions {row['row']}")
                self.seen[row["row"]] = digest
                continue
            entry = str(chunk_entry(UUID(row["job"]), row["chunk"]))
            what = f"chunk {row['chunk']} of job {row['job']}"
            position = self._place(entry, CHUNK, what)
            if digest not in known.get(entry, ()):
                message = f"the decisions {row['row']} are not in {what}"
                self.findings.append(Finding(AFTER_ALL if position is None else position, message))
            self.seen[entry] = (UUID(row["job"]), row["chunk"], parts.get(entry, []))

    def open(self, dump: Dump) -> int:
        """Compare with the commitments what the salts at hand open."""
        opened = 0
        for row in dump.rows(OPENINGS):
            entry, place = row["entry"], self._places.get(row["entry"])
            if place is None or entry not in self.seen:
                continue
            opened += 1
            position, kind, commitment = place
            payload = self._payload(kind, self.seen[entry], row)
            if payload is None or commit(bytes.fromhex(row["salt"]), payload).hex() != commitment:
                name = f"entry {position}" if position < AFTER_ALL else f"the waiting entry {entry}"
                self.findings.append(Finding(position, f"{name} does not commit to the {kind} {entry}"))
        return opened

    @staticmethod
    def _payload(kind: str, seen: Any, row: Row) -> bytes | None:
        if row["salt"] is None:
            return None
        if kind == CONSENT_EVENT and isinstance(seen, bytes):
            return None if row["said"] is None else event_digest(seen, bytes.fromhex(row["said"]))
        if kind == CHUNK and isinstance(seen, tuple):
            return chunk_payload(*seen)
        return seen if isinstance(seen, bytes) else None

    def _place(self, entry: str, kind: str, what: str) -> int | None:
        place = self._places.get(entry)
        if place is None or place[1] != kind:
            self.findings.append(Finding(AFTER_ALL, f"{what} ({entry}) has no entry in the log"))
            return None
        return place[0]

    def _headless(self, subject: str, head: Row, count: int) -> None:
        if head["events"] is None:
            message = f"the state of {subject} does not open"
        elif head["events"] > count:
            message = f"event {count + 1} of {subject} is missing: {head['events']} were recorded"
        else:
            message = f"the last event of {subject} is not the one that was recorded"
        # Listed where the last event that is left stands; the missing one came after it.
        self.findings.append(Finding(AFTER_ALL, message))
