"""Stop means stopped (guarantees P1): nothing forbidden arrives after an answer that did not list it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.faults.history import DONE, REFUSED, Arrival, Operation
from tests.faults.violation import Violation

ARRIVED = "forbidden arrival"
CANCELLED = "cancelled and arrived all the same"
STILL_WAITS = "forbidden and still waiting"


@dataclass(frozen=True, slots=True)
class _Effect:
    """Something that somebody outside got: `names` are the ids under which an answer may list it."""

    subject: str
    topics: frozenset[str]
    arrived: float
    own: str
    names: frozenset[str]
    words: str


def forbidden_arrivals(operations: Sequence[Operation], arrivals: Sequence[Arrival]) -> Iterator[Violation]:
    """Every violation of the barrier that these histories show.

    A forbidding answer holds until a permission of the same setting was invoked: from then on the permission
    may have counted. Two changes with epochs are ordered by them even where they overlapped.
    """
    changes: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.name == "write" and operation.outcome != REFUSED:
            changes[operation.subject].append(operation)
    for effect in _effects(operations, arrivals):
        yield from _judge(changes[effect.subject], effect)
    told: set[tuple[int, tuple[str, ...]]] = set()
    for operation in operations:
        if operation.name == "waiting" and operation.outcome == DONE and operation.listed:
            yield from _judge_waiting(changes[operation.subject], operation, told)


def _effects(operations: Iterable[Operation], arrivals: Iterable[Arrival]) -> Iterator[_Effect]:
    first: dict[str, Arrival] = {}
    for arrival in sorted(arrivals, key=lambda a: a.arrived):
        # What comes again under its key is the same effect, which the receiver already has.
        first.setdefault(arrival.key, arrival)
    for arrival in first.values():
        names = frozenset((arrival.key, *arrival.names))
        yield _Effect(
            arrival.subject, frozenset(arrival.topics), arrival.arrived, arrival.key, names, arrival.words()
        )
    for redeem in operations:
        if redeem.name == "redeem" and redeem.told == "redeemed" and redeem.answered is not None:
            # Whoever redeems a permit sends when he is told so, and not before.
            permit = redeem.value or ""
            names = frozenset((permit, *redeem.listed))
            yield _Effect(
                redeem.subject, frozenset(redeem.topics), redeem.answered, permit, names, redeem.words()
            )


def _judge(changes: Sequence[Operation], effect: _Effect) -> Iterator[Violation]:
    for change in changes:
        if change.answered is None or change.outcome != DONE:
            continue
        if effect.names & set(change.irrevocable):
            # What was tried in vain may stand in both lists: it is tried no more, and may still arrive late.
            continue
        after = change.answered < effect.arrived
        if effect.own in change.cancelled or (after and effect.names & set(change.cancelled)):
            what = f"{effect.own} was answered as cancelled"
            yield Violation(CANCELLED, what, (change.words(), effect.words))
        elif after:
            closed = _closed(changes, change, effect.topics, effect.arrived)
            if closed:
                what = f"{closed} was forbidden by {change.setting} before {effect.own} arrived"
                yield Violation(ARRIVED, what, (change.words(), effect.words))


def _judge_waiting(
    changes: Sequence[Operation], look: Operation, told: set[tuple[int, tuple[str, ...]]]
) -> Iterator[Violation]:
    seen = look.invoked if look.answered is None else look.answered
    for change in changes:
        if change.outcome != DONE or not change.before(look):
            continue
        closed = _closed(changes, change, frozenset(look.topics), seen)
        # Everybody who looks sees the same thing wait; it is told once.
        if closed and (id(change), look.listed) not in told:
            told.add((id(change), look.listed))
            what = f"{', '.join(look.listed)} waits although {change.setting} forbids {closed}"
            yield Violation(STILL_WAITS, what, (change.words(), look.words()))


def _closed(changes: Sequence[Operation], change: Operation, topics: frozenset[str], until: float) -> str:
    """The topics that `change` closed and nothing has opened again before `until`."""
    shut = [topic for topic in change.forbids if topic in topics]
    return ", ".join(topic for topic in shut if not _permitted_since(changes, change, topic, until))


def _permitted_since(changes: Sequence[Operation], closed: Operation, topic: str, until: float) -> bool:
    """Whether some order of effects has a permission of the same setting between `closed` and `until`."""
    return any(
        other.setting == closed.setting
        and topic in other.permits
        and other.invoked < until
        and not certainly_before(other, closed)
        for other in changes
    )


def certainly_before(one: Operation, other: Operation) -> bool:
    """Whether `one` took effect before `other`: by the epochs they were told, else by the clock."""
    if one.outcome == DONE and None not in (one.epoch, other.epoch) and one.epoch != other.epoch:
        return bool(one.epoch < other.epoch)  # type: ignore[operator]
    return one.before(other)
