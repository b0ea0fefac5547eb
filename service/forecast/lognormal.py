"""Days whose logarithm is normal: quantiles, and what is left once some of it is ruled out."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from statistics import NormalDist

_NORMAL = NormalDist()
# Beyond this many spreads the tail's own arithmetic gives out, and nobody's stock lies there.
_FAR = 6.0


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Days, log-normal: `location` and `spread` are of their logarithm. A spread of 0 is a certain day."""

    location: float
    spread: float

    @property
    def median(self) -> float:
        return exp(self.location)

    def at(self, z: float) -> float:
        """The days that lie `z` spreads above the median's logarithm."""
        return exp(self.location + z * self.spread)

    def beyond(self, days: float) -> float:
        """The z below which nothing is left when it is known to be more than `days`."""
        if days <= 0:
            return -_FAR
        if self.spread <= 0:
            return -_FAR if log(days) < self.location else _FAR
        return min(max((log(days) - self.location) / self.spread, -_FAR), _FAR)


def beyond(z: float, floor: float) -> float:
    """The quantile that `z` was, of what is left above `floor`: both are numbers of spreads."""
    if floor <= -_FAR:
        return z
    below = _NORMAL.cdf(floor)
    share = below + _NORMAL.cdf(z) * (1 - below)
    return max(floor, _NORMAL.inv_cdf(min(share, 1 - 1e-12)))
