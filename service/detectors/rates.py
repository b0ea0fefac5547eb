"""Rates with their uncertainty.

The interval is Wilson's (E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference,
JASA 22 (1927), 209-212), which holds its level also for few cases and for rates near 0 and 1, where the usual
one does not (Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion, Statistical Science 16
(2001), 101-133).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

# The standard normal's 97.5 % quantile: the true rate lies within in 95 of 100 cases.
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `of`; `value`, `low` and `high` from 0 to 1."""

    count: int
    of: int
    value: float
    low: float
    high: float


def rate_of(count: int, of: int) -> Rate | None:
    """None where there is nothing to be a part of. Raises ValueError for a part that is larger."""
    if of == 0:
        return None
    if not 0 <= count <= of:
        raise ValueError(f"{count} is no part of {of}")
    share, square = count / of, Z95 * Z95
    centre = (share + square / (2 * of)) / (1 + square / of)
    half = Z95 * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    # At the ends the formula gives exactly 0 and 1, and floating point nearly.
    low = 0.0 if count == 0 else max(0.0, centre - half)
    high = 1.0 if count == of else min(1.0, centre + half)
    return Rate(count, of, share, low, high)
