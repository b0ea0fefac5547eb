"""A key provider at the other end of a network that can be cut."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from service.crypto.data_key import DataKey
from service.crypto.providers import Bound
from service.crypto.providers.local import LocalKeys
from service.errors import KeysUnavailableError


class FarAway(LocalKeys):
    """`calls` are the sizes of the batches it was asked for; while `down` it does not answer."""

    name = "far"
    remote = True

    def __init__(self, *keks: str) -> None:
        super().__init__({kek: DataKey.generate() for kek in keks or ("far-1",)})
        self.calls: list[int] = []
        self.down = False

    def wrap(self, kek: str, keys: Sequence[Bound]) -> list[bytes]:
        self._call(len(keys))
        return super().wrap(kek, keys)

    def unwrap(self, kek: str, wrapped: Sequence[Bound]) -> list[bytes | None]:
        self._call(len(wrapped))
        return super().unwrap(kek, wrapped)

    def first(self) -> list[str]:
        return list(self._keks)[:1]

    def make(self, known: Collection[str]) -> str:
        return next(kek for kek in self._keks if kek not in known)

    def destroy(self, kek: str) -> str:
        del self._keks[kek]
        return ""

    def _call(self, size: int) -> None:
        if self.down:
            raise KeysUnavailableError("cut off")
        self.calls.append(size)
