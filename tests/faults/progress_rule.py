"""What stays allowed is handed over at last (guarantees P4), and an acknowledged job ends (P3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.faults.barrier_rule import certainly_before
from tests.faults.history import DONE, REFUSED, UNKNOWN, Arrival, Operation
from tests.faults.violation import Violation

NEVER = "allowed and never handed over"
JOB_LOST = "acknowledged job did not end"


def never_ended(
    operations: Sequence[Operation], arrivals: Sequence[Arrival], *, ended: float, settle: float
) -> Iterator[Violation]:
    """Every violation that these histories show.

    A due action is demanded only where nothing excuses its absence: since `settle` seconds before `ended`
    every setting that speaks of its topics permits them, no change with an unknown outcome may have closed
    them, no answer has cancelled anything of that person since it became due, and no merge has mixed her
    choices.
    """
    changes: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.name in ("write", "blur") and operation.outcome != REFUSED:
            changes[operation.subject].append(operation)
    got = {(arrival.subject, topic, arrival.goods) for arrival in arrivals for topic in arrival.topics}
    for due in operations:
        if due.name != "due" or due.outcome != DONE or due.answered is None:
            continue
        if due.answered > ended - settle or (due.subject, due.topics[0], due.value or "") in got:
            continue
        known = changes[due.subject]
        if all(_stays_allowed(known, due, topic, ended - settle) for topic in due.topics):
            what = f"{due.topics[0]} of {due.subject} about {due.value} was due and allowed for {settle:g} s"
            yield Violation(NEVER, what, (due.words(),))
    yield from _jobs(operations)


def _stays_allowed(changes: Sequence[Operation], due: Operation, topic: str, since: float) -> bool:
    if any(op.name == "blur" for op in changes):
        return False
    if any(op.cancelled and (op.answered or 0.0) > due.invoked for op in changes):
        return False
    spoken = [op for op in changes if topic in op.forbids or topic in op.permits]
    permitting = [op for op in spoken if topic in op.permits and op.outcome == DONE]
    closing = [op for op in spoken if topic in op.forbids]
    if not permitting or any(op.outcome == UNKNOWN for op in closing):
        return False
    return all(
        any(
            opened.setting == closed.setting
            and certainly_before(closed, opened)
            and (opened.answered or since) < since
            for opened in permitting
        )
        for closed in closing
    ) and all((op.answered or since) < since for op in permitting)


def _jobs(operations: Sequence[Operation]) -> Iterator[Violation]:
    ends = {op.value: op for op in operations if op.name == "job ended" and op.outcome == DONE}
    for job in operations:
        if job.name != "job" or job.outcome != DONE:
            continue
        end = ends.get(job.value)
        if end is None or end.told != "done":
            words = (job.words(), *(() if end is None else (end.words(),)))
            yield Violation(JOB_LOST, f"{job.value} of {job.client}", words)
