"""What is wrong with a document: each fault with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`path` is a JSON pointer (RFC 6901); the empty one is the whole document."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or '(document)'}: {self.message}"


class Refused(ValueError):  # noqa: N818  # what happened to the document, as the spec says it
    """A document that cannot be used, with every fault found in it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[Refused], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class PolicyRefused(Refused):
    """A policy with faults is refused whole."""


class InputRefused(Refused):
    """A state or candidate outside the shapes of decision.md. State that cannot be read is no state."""
