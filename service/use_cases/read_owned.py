"""What a person owns: bought or delivered, not returned, and not said to be used no more. Read under the
purposes of the programme that asks, and no other (P11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from service.policy import Level, Programme, State
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.read_signals import Signal, may_read, read_signals_of

# A delivery follows a purchase, and is one where no purchase was told of.
_BOUGHT, _DELIVERED, _RETURNED, _STOPPED = "purchase", "delivered", "returned", "stopped_using"
# The types of signals that say what is owned.
OWNING = (_BOUGHT, _DELIVERED, _RETURNED, _STOPPED)


def read_owned(
    unit: Unit, subject: Subject, state: State, programme: Programme, rungs: Iterable[Level]
) -> frozenset[str]:
    """The skus. Empty where no purpose of these rungs lets purchases be read: closed by default."""
    policy = unit.policy
    purposes = [purpose for rung in rungs for purpose in programme.ladder.get(rung, ())]
    sources = {}
    for data in dict.fromkeys(policy.signals[each].data for each in OWNING if each in policy.signals):
        purpose = next((p for p in purposes if may_read(policy, state, data, p, unit.now)), None)
        if purpose is not None:
            sources[data] = purpose
    return _owned(read_signals_of(unit, subject, sources), unit) if sources else frozenset()


def _owned(signals: Iterable[Signal], unit: Unit) -> frozenset[str]:
    """Of signals oldest first."""
    bought, delivered = Counter[str](), Counter[str]()
    returned, used = Counter[str](), dict[str, bool]()
    counts = {_BOUGHT: bought, _DELIVERED: delivered, _RETURNED: returned}
    for signal in signals:
        if signal.type not in OWNING or signal.at > unit.now:
            continue
        sku = signal.data["sku"]
        if signal.type in counts:
            counts[signal.type][sku] += signal.data.get("quantity") or 1
        if signal.type != _RETURNED:
            used[sku] = signal.type != _STOPPED
    return frozenset(sku for sku in used if used[sku] and max(bought[sku], delivered[sku]) > returned[sku])
