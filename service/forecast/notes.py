"""Where what is known of somebody does not fit together, by name.

Nobody is asked to trust a forecast that hides this: a note stands in the forecast, and the ones after which
another purchase would be a guess hold automatic shipping.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Literal

from service.forecast.evidence import Usage
from service.forecast.intervals import predict
from service.forecast.model import Prior
from service.forecast.usage import Registered

Note = Literal["bought_early", "pause", "two_users", "dose_change", "stopped"]

# Before this many intervals nothing is out of the ordinary.
_LEAST_INTERVALS = 3
# One in twenty, on either side; and never what is within a third of the usual.
_OUTLYING = 1.645
_LEAST_STEP = log(1.5)
# No more than this share of what is bought is registered: somebody else may use the rest.
_SHARED_SHARE = log(0.6)
_LEAST_CYCLES = 2


def disagreements(
    gaps: Sequence[float], prior: Prior, registered: Sequence[Usage], found: Registered
) -> tuple[Note, ...]:
    """`gaps`: days between purchases, oldest first. `registered` in order of time."""
    notes: list[Note] = []
    if len(gaps) >= _LEAST_INTERVALS:
        before = [log(gap) for gap in gaps[:-1]]
        expected = predict(before, prior, None)
        step = log(gaps[-1]) - expected.location
        if abs(step) > max(_OUTLYING * expected.spread, _LEAST_STEP):
            notes.append("pause" if step > 0 else "bought_early")
    if found.cycles >= _LEAST_CYCLES and found.share <= _SHARED_SHARE:
        notes.append("two_users")
    if found.changed_at is not None:
        notes.append("dose_change")
    said = [u for u in registered if u.units_per_day is not None]
    if said and said[-1].units_per_day == 0:
        notes.append("stopped")
    return tuple(notes)
