"""Unwrapped data keys of a remote provider, remembered with a bound in count and in time.

Whoever asks shows the wrapped key as it stands in the database now, so a destroyed key is never served. What
is let go of is no longer reachable; Python cannot promise that its memory is overwritten.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from service.crypto.data_key import DataKey
from service.crypto.keks import WrappedKey


class KeyCache:
    """At most `size` keys, each for at most `seconds` from when it was unwrapped."""

    def __init__(self, size: int, seconds: float, clock: Callable[[], float]) -> None:
        self._size, self._seconds, self._clock = size, seconds, clock
        self._lock = threading.Lock()
        # In the order of the last use. One entry an owner: a key that was wrapped anew replaces the old one.
        self._entries: OrderedDict[UUID, tuple[WrappedKey, DataKey, float]] = OrderedDict()

    def get(self, owner: UUID, wrapped: WrappedKey) -> DataKey | None:
        with self._lock:
            entry = self._entries.get(owner)
            if entry is None:
                return None
            if entry[2] <= self._clock():
                del self._entries[owner]
                return None
            if entry[0] != wrapped:
                return None
            self._entries.move_to_end(owner)
            return entry[1]

    def put(self, owner: UUID, wrapped: WrappedKey, key: DataKey) -> None:
        if not self._size or not self._seconds:
            return
        with self._lock:
            now = self._clock()
            self._entries[owner] = (wrapped, key, now + self._seconds)
            self._entries.move_to_end(owner)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def forget(self, owner: UUID) -> None:
        with self._lock:
            self._entries.pop(owner, None)

    def sweep(self) -> None:
        """Let go of what has expired, also where nobody asks for it again."""
        with self._lock:
            now = self._clock()
            for owner in [owner for owner, entry in self._entries.items() if entry[2] <= now]:
                del self._entries[owner]

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"KeyCache({len(self)} of {self._size})"
