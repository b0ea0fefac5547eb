""" "I have plenty": this reorder ends, and the forecast learns that it was too early."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from service.ids import REORDER, show
from service.storage.signals import wake_forecasts
from service.storage.unit import Unit
from service.use_cases.own_reorder import Answered, answered, hold_own, stop_messages, take_step
from service.use_cases.plenty import HAVE_PLENTY
from service.use_cases.store_signals import NewSignal, SignalResult, store_signals

_USAGE = "usage"


@dataclass(frozen=True, slots=True)
class HadPlenty:
    """`count` is what became of the units that were told, if any: they are kept only from whoever shares
    usage."""

    answered: Answered
    count: SignalResult | None


def have_plenty(unit: Unit, reorder_id: UUID, units_left: float | None = None) -> HadPlenty:
    """End it. The instant stays with the reorder, so that the forecast can start from it; `units_left` takes
    the way of every signal, through its gate. Raises as `approve_reorder` does."""
    own = take_step(unit, hold_own(unit, reorder_id, "have-plenty"), "skipped", HAVE_PLENTY)
    done = answered(unit, own, stop_messages(unit, own))
    wake_forecasts(unit, [own.subject.id])
    if units_left is None:
        return HadPlenty(done, None)
    data = {"sku": own.details.candidate.sku, "units_left": units_left}
    said = NewSignal(own.subject.id, _USAGE, unit.now, data, show(REORDER, own.reorder.id))
    # Last: the signal may change the person's flags, and so what was read of them here.
    [result] = store_signals(unit, [said])
    return HadPlenty(done, result)
