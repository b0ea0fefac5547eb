"""The keys of the trusted issuer, as a JWK set (RFC 7517) that is read again when it may have changed."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from service.config import Config
from service.errors import SamtyckeError, UnauthenticatedError, UnavailableError
from service.logging import describe_error, get_logger
from service.tokens import public_keys

VerifyingKey = OKPKey | ECKey | RSAKey

_KINDS: dict[str, type[VerifyingKey]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}
_LARGEST_SET = 1024 * 1024
_SMALLEST_RSA = 2048


class TrustedKeys:
    """Keys by id. `read` gives the set's JSON; it is called when a key is unknown, at most every `floor`
    seconds, so that nobody can make us fetch by sending junk, and when the set is older than `age`, so that
    a key taken out of it stops being trusted."""

    def __init__(self, read: Callable[[], bytes], *, floor: float = 30, age: float = 300) -> None:
        self._read, self._floor, self._age = read, floor, age
        self._keys: dict[str, VerifyingKey] = {}
        self._tried = self._loaded = float("-inf")
        self._lock = threading.Lock()
        # Raised by every change of the set: what was verified under the old one must be verified again.
        self.version = 0

    def find(self, kid: object) -> VerifyingKey:
        """Raises UnauthenticatedError for a key that is not trusted, UnavailableError without any keys."""
        self.refresh()
        key = self._look_up(kid)
        if key is None:
            self._reload(self._floor)
            key = self._look_up(kid)
        if key is None:
            if not self._keys:
                raise UnavailableError("the issuer's keys cannot be read")
            raise UnauthenticatedError("the token is signed with a key that is not trusted")
        return key

    def refresh(self) -> None:
        if time.monotonic() - self._loaded > self._age:
            self._reload(self._floor)

    def _look_up(self, kid: object) -> VerifyingKey | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _reload(self, floor: float) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._tried < floor:
                return
            self._tried = now
            try:
                keys = _parse(self._read())
            except (OSError, ValueError, JoseError, SamtyckeError) as error:
                # The keys known so far stay: an issuer that is down for a minute must not lock everybody out.
                get_logger().warning("the issuer's keys cannot be read", **describe_error(error))
                return
            self._loaded = now
            if {k: v.as_dict(private=False) for k, v in keys.items()} != {
                k: v.as_dict(private=False) for k, v in self._keys.items()
            }:
                self._keys = keys
                self.version += 1


def trusted_keys(config: Config) -> TrustedKeys:
    """The keys of `config.jwks`, a path or URL, or those of the embedded issuer."""
    source = config.jwks
    if source is None:
        # Made and checked now: a key file that cannot be used is an error of the start, not of a request.
        public_keys(config.issuer_key_file)
        return TrustedKeys(lambda: public_keys(config.issuer_key_file))
    if source.startswith(("https://", "http://")):
        return TrustedKeys(lambda: _fetch(source))
    return TrustedKeys(Path(source).read_bytes)


def _fetch(url: str) -> bytes:
    # The scheme was checked when the configuration was read.
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        data: bytes = answer.read(_LARGEST_SET + 1)
    if len(data) > _LARGEST_SET:
        raise ValueError("the key set is too large")
    return data


def _parse(data: bytes) -> dict[str, VerifyingKey]:
    document = json.loads(data)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a JWK set")  # noqa: TRY004 (a wrong document, not a wrong argument)
    keys: dict[str, VerifyingKey] = {}
    for entry in entries:
        kind = _KINDS.get(str(entry.get("kty"))) if isinstance(entry, dict) else None
        # A symmetric key has no place in a published set, and one for encryption verifies nothing.
        if kind is None or entry.get("use", "sig") != "sig":
            continue
        key = kind.import_key(entry)
        if isinstance(key, RSAKey) and key.raw_value.key_size < _SMALLEST_RSA:
            continue
        keys[str(entry.get("kid", ""))] = key
    return keys
