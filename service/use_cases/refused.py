"""A refusal to do what a customer asked for: why, and what the customer can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.errors import ConflictError


def refused(reasons: Sequence[dict[str, Any]], **members: str) -> ConflictError:
    """`reasons` in the shape of a decision's: strategy, code, on, remedy."""
    codes = ", ".join(dict.fromkeys(reason["code"] for reason in reasons))
    return ConflictError(f"this may not be ordered so: {codes}", reasons=list(reasons), **members)
