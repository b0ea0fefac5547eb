"""What can go wrong, in the language of the domain. An error knows no HTTP status; one table in
`service.api.problems` turns each into a problem document. The docstring is the title a client sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class InputFault:
    """One fault of an input: a JSON pointer (RFC 6901) and what is wrong there."""

    pointer: str
    message: str


class SamtyckeError(Exception):
    """Something went wrong."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or type(self).__doc__ or "")
        self.detail = detail

    @property
    def title(self) -> str:
        return (type(self).__doc__ or "").splitlines()[0].rstrip(".")


class InvalidInputError(SamtyckeError):
    """The input has faults."""

    def __init__(self, faults: Sequence[InputFault], detail: str = "") -> None:
        super().__init__(detail or "; ".join(f"{f.pointer or '/'}: {f.message}" for f in faults))
        self.faults = tuple(faults)


class MalformedInputError(SamtyckeError):
    """The input cannot be read."""


class TooLargeError(SamtyckeError):
    """The input is too large."""


class UnauthenticatedError(SamtyckeError):
    """A valid token is needed."""


class ForbiddenError(SamtyckeError):
    """The token's role does not allow this."""


class NotFoundError(SamtyckeError):
    """There is no such thing here."""


class ConflictError(SamtyckeError):
    """This contradicts what is already stored."""

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail)
        self.members = members


class SubjectErasedError(SamtyckeError):
    """This person's data has been erased."""


class PreconditionRequiredError(SamtyckeError):
    """If-Match is required here."""


class ConfirmationRequiredError(SamtyckeError):
    """This raises a level to automatic orders, so it is asked about once more."""

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail)
        self.members = members


class StaleError(SamtyckeError):
    """What you read has changed since."""


class IdempotencyMismatchError(SamtyckeError):
    """This Idempotency-Key was used with another body."""


class TooManyRequestsError(SamtyckeError):
    """Too many requests."""


class UnavailableError(SamtyckeError):
    """A part that this answer needs is not available, so nothing is permitted."""


class UnreadableError(UnavailableError):
    """The person's state cannot be read, so nothing is permitted."""


class KeysUnavailableError(UnavailableError):
    """The keys cannot be reached, so nothing is permitted."""


class KeyExhaustedError(UnavailableError):
    """A key has sealed as much as it may, so nothing more is sealed under it."""


class PolicyMissingError(UnavailableError):
    """No policy is in force, so nothing is permitted."""


class KeyFileError(SamtyckeError):
    """The key file cannot be used."""


class NoteError(SamtyckeError):
    """The signed note cannot be trusted."""


class LedgerError(SamtyckeError):
    """The ledger contradicts itself."""


class ConfigError(SamtyckeError):
    """The configuration cannot be used."""
