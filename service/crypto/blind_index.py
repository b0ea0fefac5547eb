"""Blind indexes: equality look-up of what is stored sealed (law.md X4).

A value is normalised, then put through HMAC-SHA-256 under a key of its own kind, derived from the
index root by HKDF (RFC 5869). Equal values give equal digests, so the index tells that two rows
agree and nothing else; it is never used for booleans or other small sets.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.errors import InputFault, InvalidInputError

IDENTIFIER_TYPES = ("customer_number", "email", "phone")


class Versions(NamedTuple):
    """Identifiers have digests of these versions: `newest` is what new ones get. Both only ever rise."""

    oldest: int
    newest: int

    @property
    def live(self) -> range:
        return range(self.oldest, self.newest + 1)


class BlindIndex:
    """Keyed digests, each kind under a key of its own. `roots` gives the root of a version, 32 bytes; a root
    alone is version 1. Identifiers are digested anew under a later version; everything else stays at 1."""

    def __init__(self, roots: bytes | Callable[[int], bytes]) -> None:
        self._roots = roots
        self._key = lru_cache(maxsize=256)(self._derive)
        # As last seen in the database: a guess, which whoever looks something up there has confirmed.
        self.versions = Versions(1, 1)

    def learn(self, oldest: int, newest: int) -> Versions:
        """What the database says now. An older answer that comes late changes nothing."""
        known = self.versions
        self.versions = Versions(max(known.oldest, oldest), max(known.newest, newest))
        return self.versions

    def _derive(self, kind: str, version: int) -> bytes:
        root = self._roots if isinstance(self._roots, bytes) else self._roots(version)
        info = f"samtycke/blind-index/{version}/{kind}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root)

    def digest(self, kind: str, value: bytes, version: int = 1) -> bytes:
        """Raises UnavailableError when the root cannot be had."""
        return hmac.digest(self._key(kind, version), value, "sha256")

    def identifier(self, kind: str, normalised: str, version: int = 1) -> bytes:
        return self.digest(f"identifier/{kind}", normalised.encode(), version)

    def __repr__(self) -> str:
        return "BlindIndex(…)"


def normalise(kind: str, value: str, country: str | None = None) -> str:
    """The one spelling under which an identifier is sealed and found.

    E-mail: NFKC, lower case, no surrounding space. Phone: E.164, a national number read as one of
    `country` (ISO 3166-1 alpha-2). Customer number: NFKC, upper case, no inner space. Raises
    InvalidInputError at `/value`.
    """
    text = unicodedata.normalize("NFKC", value).strip()
    if kind == "email":
        local, at, domain = text.rpartition("@")
        if not at or not local or "." not in domain or any(c.isspace() for c in text):
            raise InvalidInputError([InputFault("/value", "is not an e-mail address")])
        return text.lower()
    if kind == "phone":
        try:
            number = phonenumbers.parse(text, country)
        except phonenumbers.NumberParseException:
            raise InvalidInputError(
                [InputFault("/value", "is not a phone number; give it with its country code, as +46…")]
            ) from None
        if not phonenumbers.is_possible_number(number):
            raise InvalidInputError([InputFault("/value", "is not a possible phone number")])
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if kind == "customer_number":
        number_text = "".join(text.split()).upper()
        if not number_text:
            raise InvalidInputError([InputFault("/value", "is empty")])
        return number_text
    raise InvalidInputError([InputFault("/type", f"must be one of {', '.join(IDENTIFIER_TYPES)}")])
