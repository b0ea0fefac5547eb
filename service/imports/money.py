"""Amounts as shops write them, in minor units (ISO 4217)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

# Currencies whose minor unit is not a hundredth.
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)

# One separator, before the decimals: with two kinds of separator nobody can tell thousands from tenths.
_AMOUNT = re.compile(r"(\d{1,15})(?:[.,](\d{1,9}))?", re.ASCII)
_MOST = 10**15


def read_amount(text: str, currency: str) -> int:
    """`text` in major units, with a decimal point or comma, as minor units; half a unit is rounded up.

    Raises ValueError for anything else, signs and thousands separators included."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError("is not an amount")
    exact = Decimal(f"{match[1]}.{match[2] or 0}").scaleb(_EXPONENTS.get(currency, 2))
    amount = int(exact.to_integral_value(ROUND_HALF_UP))
    if amount > _MOST:
        raise ValueError("is too large")
    return amount
