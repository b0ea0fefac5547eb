"""What may become of an order that cannot leave as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from service.policy import Reason

# A hold is looked at again after this long at the latest, should nobody have said that its cause has ended.
LOOK_AGAIN = timedelta(days=1)


class Does(Enum):
    """`hold`: until somebody or time resolves it. `ask`: it is another order by now, so the person is asked
    instead (law.md A4). `end`: it is forbidden."""

    hold = "hold"
    ask = "ask"
    end = "end"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a code that the reorder's history keeps. `until` is when a hold is looked at again; with
    `ask` it says that what cannot be asked is held, and without it that it ends. `denied` is what the gate
    said, if it was the gate."""

    does: Does
    reason: str
    until: datetime | None = None
    denied: Sequence[Reason] = ()


def hold(reason: str, until: datetime) -> Verdict:
    return Verdict(Does.hold, reason, until)
