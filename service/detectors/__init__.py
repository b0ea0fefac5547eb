"""What detectors of the policy find in a person's signals, and how sure a measured rate is: pure, no input or
output, on the standard library and the policy alone."""

from __future__ import annotations

from service.detectors.rates import Rate, rate_of
from service.detectors.rules import Found, Part, Seen, SeenRunOut, Verdict, look_for, regular_products

__all__ = [
    "Found",
    "Part",
    "Rate",
    "Seen",
    "SeenRunOut",
    "Verdict",
    "look_for",
    "rate_of",
    "regular_products",
]
