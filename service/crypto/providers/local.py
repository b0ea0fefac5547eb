"""Keys in this process's memory: what the key file and the environment have in common."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from service.crypto.data_key import KEY_BYTES, DataKey
from service.crypto.providers import Bound
from service.crypto.reading import KEY_WRAPPING
from service.errors import KeysUnavailableError, UnreadableError


class LocalKeys:
    """AES-256-GCM (NIST SP 800-38D) under keys by id. A subclass says where they come from."""

    remote = False

    def __init__(self, keks: Mapping[str, bytes]) -> None:
        self._keks = {name: DataKey(key) for name, key in keks.items()}

    def wrap(self, kek: str, keys: Sequence[Bound]) -> list[bytes]:
        found = self._find(kek)
        if found is None:
            raise KeysUnavailableError(f"the key {kek} is not here")
        return [found.seal(key, place) for key, place in keys]

    def unwrap(self, kek: str, wrapped: Sequence[Bound]) -> list[bytes | None]:
        found = self._find(kek)
        if found is None:
            return [None] * len(wrapped)
        return [_opened(found, sealed, place) for sealed, place in wrapped]

    def index_root(self) -> bytes | None:
        return None

    def reload(self) -> None:
        """Look again where the keys come from."""

    def _find(self, kek: str) -> DataKey | None:
        found = self._keks.get(kek)
        if found is None:
            self.reload()
            found = self._keks.get(kek)
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


def read_key(text: str) -> bytes:
    """A key of base64. Raises ValueError, without repeating it."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"not {KEY_BYTES} bytes")
    return key


def _opened(kek: DataKey, sealed: bytes, place: bytes) -> bytes | None:
    try:
        return kek.open(sealed, place, KEY_WRAPPING)
    except UnreadableError:
        return None
