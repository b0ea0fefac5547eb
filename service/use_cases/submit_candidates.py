"""Take in a bulk job: pairs of subject and candidate, cut into sealed chunks, all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from service.errors import InputFault, InvalidInputError
from service.ids import new_id
from service.storage import chunks
from service.storage.asked import AskedCandidate
from service.storage.jobs import add_chunk, create_job, set_total
from service.storage.unit import Unit
from service.use_cases.choose_tip import is_tip

# A task costs Celery about a millisecond, whatever it does; this many pairs take a worker a good tenth of a
# second, so neither that nor a chunk that has to be done again weighs much.
PAIRS_PER_CHUNK = 10_000
# Pairs are held back until this many, or this many bytes of candidates, have come, so that those of one
# subject meet in one chunk: its state is then read, opened and locked once.
PAIRS_HELD = 5 * PAIRS_PER_CHUNK
BYTES_HELD = 32 * 1024 * 1024


# Redeeming a permit for each pair would tell marketing who owns what; the shop knows that already.
_NO_TIPS = "tips about what a person owns are asked for one person at a time, at /v1/offers/permitted"


class Pair(NamedTuple):
    """What is proposed, and for whom; `weight` is its length in bytes as it came."""

    subject: UUID
    candidate: AskedCandidate
    weight: int


@dataclass(frozen=True, slots=True)
class Submitted:
    job: UUID
    chunks: int
    total: int


class Parts:
    """Pairs cut into chunks. The first chunk is made here, so that most jobs are read before the transaction
    that stores them begins. Raises InvalidInputError without any pairs, and whatever `pairs` raises."""

    def __init__(self, pairs: Iterable[Pair], *, pairs_per_chunk: int = PAIRS_PER_CHUNK) -> None:
        self._parts = _cut(pairs, pairs_per_chunk)
        first = next(self._parts, None)
        if first is None:
            raise InvalidInputError([InputFault("", "holds no pair of subject and candidate")])
        self._first = first

    def __iter__(self) -> Iterator[_Part]:
        yield self._first
        yield from self._parts


def submit_candidates(unit: Unit, parts: Parts) -> Submitted:
    """Store the job in the unit's transaction; whatever the input raises on the way leaves nothing behind.

    The caller announces the chunks, once this has committed."""
    job, count, total = new_id(), 0, 0
    key = create_job(unit, job)
    for part in parts:
        if unit.actor.has("marketing") and any(is_tip(unit.policy, c.programme) for c in part.candidates):
            raise InvalidInputError([InputFault("", _NO_TIPS)])
        packed = chunks.pack(unit.actor, list(part.candidates), part.groups)
        add_chunk(unit, key, job, count, size=part.size, packed=packed)
        count, total = count + 1, total + part.size
    set_total(unit, job, total)
    return Submitted(job, count, total)


@dataclass(slots=True)
class _Part:
    """A chunk in the making."""

    candidates: dict[AskedCandidate, int] = field(default_factory=dict)
    groups: list[tuple[bytes, list[int]]] = field(default_factory=list)
    size: int = 0

    def add(self, subject: UUID, asked: list[AskedCandidate]) -> None:
        known = self.candidates
        self.groups.append((subject.bytes, [known.setdefault(c, len(known)) for c in asked]))
        self.size += len(asked)


def _cut(pairs: Iterable[Pair], pairs_per_chunk: int) -> Iterator[_Part]:
    for held in _held(pairs):
        part = _Part()
        for subject, asked in held.items():
            for start in range(0, len(asked), pairs_per_chunk):
                some = asked[start : start + pairs_per_chunk]
                if part.size and part.size + len(some) > pairs_per_chunk:
                    yield part
                    part = _Part()
                part.add(subject, some)
        if part.size:
            yield part


def _held(pairs: Iterable[Pair]) -> Iterator[dict[UUID, list[AskedCandidate]]]:
    """Pairs by subject, as many at a time as may be held in memory."""
    held: dict[UUID, list[AskedCandidate]] = {}
    seen: set[AskedCandidate] = set()
    count = weight = 0
    for subject, candidate, length in pairs:
        held.setdefault(subject, []).append(candidate)
        if candidate not in seen:
            seen.add(candidate)
            weight += length
        count += 1
        if count >= PAIRS_HELD or weight >= BYTES_HELD:
            yield held
            held, count, weight = {}, 0, 0
            seen.clear()
    if held:
        yield held
