"""At most one hand-over (guarantees P4): per idempotency key, per product and cycle, and per permit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.faults.history import Arrival, Operation
from tests.faults.violation import Violation

TWICE = "handed over twice"
CHANGED = "one key, two contents"
TWO_ORDERS = "two orders for one cycle"
REDEEMED_TWICE = "permit redeemed twice"

ORDER = "order"


def double_handovers(operations: Sequence[Operation], arrivals: Sequence[Arrival]) -> Iterator[Violation]:
    """Every violation that these histories show. A receiver that deduplicates may be sent one key again, with
    the same content; the one effect is the first."""
    by_key: dict[str, list[Arrival]] = defaultdict(list)
    orders: dict[tuple[str, str, str], dict[str, Arrival]] = defaultdict(dict)
    for arrival in arrivals:
        by_key[arrival.key].append(arrival)
        if arrival.kind == ORDER and arrival.goods:
            orders[arrival.subject, arrival.goods, arrival.cycle].setdefault(arrival.key, arrival)
    for key, same in by_key.items():
        words = tuple(arrival.words() for arrival in same)
        if len(same) > 1 and any(arrival.once for arrival in same):
            yield Violation(TWICE, f"{key} came {len(same)} times to a receiver that cannot tell", words)
        if len({(arrival.subject, arrival.kind, arrival.digest) for arrival in same}) > 1:
            yield Violation(CHANGED, f"{key} stood for different things", words)
    for (subject, goods, cycle), found in orders.items():
        if len(found) > 1:
            words = tuple(arrival.words() for arrival in found.values())
            yield Violation(TWO_ORDERS, f"{goods} of {subject} in cycle {cycle or '(none named)'}", words)
    redeemed: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.name == "redeem" and operation.told == "redeemed":
            redeemed[operation.value or ""].append(operation)
    for permit, same in redeemed.items():
        if len(same) > 1:
            yield Violation(REDEEMED_TWICE, permit, tuple(operation.words() for operation in same))
