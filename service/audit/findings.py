"""What a verifier finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.errors import LedgerError

# Where what has no place in the log is listed: after all that has.
AFTER_ALL = 2**63


@dataclass(frozen=True)
class Finding:
    """Something wrong at a position of the log."""

    position: int
    message: str

    def __str__(self) -> str:
        return self.message


@contextmanager
def malformed_as(what: str) -> Iterator[None]:
    """Raises LedgerError for rows that lack a column or hold another kind of value."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise LedgerError(f"{what} is not an export of a ledger: {type(error).__name__} {error}") from None
