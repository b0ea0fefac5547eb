"""The answers of one chunk in the making: decided, packed and sealed, not yet stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from service.crypto.data_key import DataKey
from service.ids import new_id
from service.policy import Candidate, Decision, InputRefused, State, evaluate_all
from service.storage.asked import to_candidate
from service.storage.catalogue import Listing
from service.storage.chunks import Chunk
from service.storage.decisions import BulkRow, seal_record
from service.storage.records import encode_record, pack, pack_candidates
from service.storage.subjects import Subject
from service.storage.unit import PolicyInForce
from service.use_cases.fields_read import fields_read
from service.use_cases.special import is_special, sees_special

# Sets of offers that are remembered: a campaign has few, and a chunk without any pattern must not keep all.
_REMEMBERED = 256
_ERASED = State("", "erased")


class _Offered(NamedTuple):
    """Candidates that were asked for together, with what every row about them repeats, packed."""

    candidates: list[Candidate]
    packed: msgspec.Raw
    fields: msgspec.Raw


class ChunkAnswers:
    """`rows` are those of subjects, sealed under each one's own key. Pairs without such a key (unknown,
    erased or unreadable persons) are gathered in one row under the job's key."""

    def __init__(
        self,
        job: UUID,
        job_key: DataKey,
        chunk: Chunk,
        *,
        in_force: PolicyInForce,
        listings: Mapping[str, Listing],
        now: datetime,
    ) -> None:
        self.rows: list[BulkRow] = []
        self.subjects: set[UUID] = set()
        self.left_out = 0
        self._job, self._job_key, self._chunk, self._actor = job, job_key, chunk, chunk.actor
        self._in_force, self._now = in_force, now
        self._candidates = [to_candidate(asked, listings) for asked in chunk.candidates]
        self._offered: dict[tuple[int, ...], _Offered] = {}
        self._nobody: list[tuple[UUID, Candidate, Decision | None]] = []
        if sees_special(self._actor):
            self._hidden: frozenset[int] = frozenset()
        else:
            policy, places = in_force.policy, enumerate(self._candidates)
            self._hidden = frozenset(p for p, c in places if is_special(policy, c.category))

    def add(self, subject_id: UUID, subject: Subject | None, places: list[int], *, readable: bool) -> None:
        """Decide what was asked about one subject; None: there is no such subject, or it is not readable."""
        if self._hidden:
            seen = [place for place in places if place not in self._hidden]
            self.left_out += len(places) - len(seen)
            places = seen
        if not places:
            return
        offered = self._offer(places)
        decisions = self._decide(subject, offered.candidates) if readable else None
        if decisions is None or subject is None or subject.key is None:
            self._add_nobody(subject_id, offered.candidates, decisions)
            return
        row = new_id()
        record = encode_record(self._actor, offered.packed, decisions, offered.fields)
        sealed = seal_record(subject.key, subject_id, row, record)
        self.subjects.add(subject_id)
        self.rows.append(
            BulkRow(row, subject_id, len(self.rows), subject.epoch, subject.activity_version, sealed)
        )

    def take_back(self, erased: Iterable[UUID]) -> None:
        """Answer anew about subjects that were erased while the chunk was being decided."""
        gone = {subject.bytes: subject for subject in erased}
        for raw, places in self._chunk.groups:
            if raw in gone:
                candidates = [self._candidates[place] for place in places if place not in self._hidden]
                decisions = evaluate_all(self._in_force.policy, _ERASED, candidates, self._now)
                self._add_nobody(gone[raw], candidates, decisions)

    def row_of_nobody(self) -> BulkRow | None:
        """The row of all pairs without a key of their own, if there are any."""
        if not self._nobody:
            return None
        asked, candidates, decisions = zip(*self._nobody, strict=True)
        row = new_id()
        record = encode_record(self._actor, candidates, decisions, asked=asked)
        sealed = seal_record(self._job_key, self._job, row, record)
        return BulkRow(row, None, len(self.rows), None, None, sealed)

    def _offer(self, places: list[int]) -> _Offered:
        key = tuple(places)
        offered = self._offered.get(key)
        if offered is None:
            candidates = [self._candidates[place] for place in places]
            fields = pack(fields_read(self._in_force.policy, candidates))
            offered = _Offered(candidates, pack_candidates(candidates), fields)
            if len(self._offered) < _REMEMBERED:
                self._offered[key] = offered
        return offered

    def _decide(self, subject: Subject | None, candidates: list[Candidate]) -> list[Decision] | None:
        """None for a state that opens and yet says what no state can say."""
        try:
            state = None if subject is None else subject.state(self._now)
            return evaluate_all(self._in_force.policy, state, candidates, self._now)
        except (InputRefused, KeyError, ValueError):
            return None

    def _add_nobody(
        self, subject: UUID, candidates: Sequence[Candidate], decisions: Sequence[Decision] | None
    ) -> None:
        answers: Sequence[Decision | None] = decisions or [None] * len(candidates)
        self._nobody += [(subject, c, d) for c, d in zip(candidates, answers, strict=True)]
