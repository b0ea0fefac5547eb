"""Nothing acknowledged is lost (guarantees P3): what is read agrees with the writes that were answered.

Every setting of a subject is a register. The epoch in an answer gives its change a place in the subject's
one order of changes, so three things are checked: that this order never contradicts the clock, that no two
changes share a place, and that every read returns the last value written before its place, or one whose
outcome nobody was told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.faults.history import DONE, REFUSED, UNKNOWN, Operation
from tests.faults.violation import Violation

LOST = "acknowledged write lost"
SHARED = "two changes at one epoch"
BACKWARDS = "epoch went backwards"
SIGNAL_LOST = "acknowledged signal lost"


def lost_writes(operations: Sequence[Operation]) -> Iterator[Violation]:
    """Every violation that these histories show."""
    by_subject: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.outcome != REFUSED:
            by_subject[operation.subject].append(operation)
    for known in by_subject.values():
        yield from _order(known)
        yield from _reads(known)
        yield from _signals(known)


def _order(known: Sequence[Operation]) -> Iterator[Violation]:
    placed = [op for op in known if op.outcome == DONE and op.epoch is not None and op.answered is not None]
    at: dict[int, Operation] = {}
    for op in placed:
        if op.raises:
            other = at.setdefault(op.epoch or 0, op)
            if other is not op:
                yield Violation(
                    SHARED, f"epoch {op.epoch} of {op.subject} was given twice", (other.words(), op.words())
                )
    by_answer = sorted(placed, key=lambda op: op.answered or 0.0)
    by_start = sorted(placed, key=lambda op: op.invoked)
    highest: Operation | None = None
    position, reported = 0, set[int | None]()
    for op in by_start:
        while position < len(by_answer) and by_answer[position].before(op):
            answered = by_answer[position]
            if highest is None or (answered.epoch or 0) > (highest.epoch or 0):
                highest = answered
            position += 1
        if highest is None or highest.epoch in reported:
            # One forgotten change shows in every later answer; it is told once.
            continue
        if (op.epoch or 0) < (highest.epoch or 0) + op.raises:
            reported.add(highest.epoch)
            what = f"epoch {op.epoch} of {op.subject} after epoch {highest.epoch} had been answered"
            yield Violation(BACKWARDS, what, (highest.words(), op.words()))


def _reads(known: Sequence[Operation]) -> Iterator[Violation]:
    for read in known:
        if read.name != "read" or read.outcome != DONE:
            continue
        writes = [op for op in known if op.name == "write" and op.setting == read.setting]
        writes += [op for op in known if op.name == "blur"]
        last = _last_before(writes, read)
        unknown = [
            op for op in writes if op.outcome == UNKNOWN and op.invoked < (read.answered or op.invoked)
        ]
        if last is None or last.name == "blur" or last.value == read.value:
            continue
        if any(op.name == "blur" or op.value == read.value for op in unknown):
            continue
        what = f"{read.setting} of {read.subject} reads {read.value}, was answered as {last.value}"
        yield Violation(LOST, what, (last.words(), read.words()))


def _last_before(writes: Sequence[Operation], read: Operation) -> Operation | None:
    """The acknowledged write with the highest place not above the one that was read."""
    done = [
        op
        for op in writes
        if op.outcome == DONE and op.epoch is not None and read.epoch is not None and op.epoch <= read.epoch
    ]
    return max(done, key=lambda op: op.epoch or 0, default=None)


def _signals(known: Sequence[Operation]) -> Iterator[Violation]:
    """A shop that sends a signal again under its id is told that it is known, or that it may not be."""
    stored = {op.value: op for op in known if op.name == "signal" and op.told == "stored"}
    for again in known:
        first = stored.get(again.value)
        if again.name == "signal again" and again.told == "stored" and first is not None:
            what = f"signal {again.value} was stored, and was new when it came again"
            yield Violation(SIGNAL_LOST, what, (first.words(), again.words()))
