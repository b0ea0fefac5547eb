"""What one process knows of the key-encryption keys, and the encryptions it reserved.

It looks into the book when it meets a key it does not know, before it wraps after a few seconds, and when it
has used up what it reserved: so a new key is taken up without a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from service.crypto.keks import ACTIVE, DESTROYED, Kek, KekBook
from service.crypto.key_settings import KeySettings
from service.errors import KeyExhaustedError, KeysUnavailableError, UnavailableError, UnreadableError

# Reserved encryptions that a process does not live to use are lost: it begins small, and asks for twice as
# many each time.
_FIRST_BLOCK = 64
_LARGEST_BLOCK = 65_536
# An id that nobody knows is looked up this often at most.
_UNKNOWN_SECONDS = 1.0
_MOST_UNKNOWN = 100
# For unwrapping the book need not be fresher than this.
_OLD_SECONDS = 60.0


class KekView:
    """`first` gives the keys of an installation that has none yet, of the provider `name`."""

    def __init__(
        self,
        book: KekBook,
        settings: KeySettings,
        clock: Callable[[], float],
        name: str,
        first: Callable[[], list[str]],
    ) -> None:
        self._book, self._settings, self._clock = book, settings, clock
        self._name, self._first = name, first
        self._lock = threading.RLock()
        self._keks: Mapping[str, Kek] = {}
        self._seen = float("-inf")
        self._unknown: dict[str, float] = {}
        self._left, self._block = 0, _FIRST_BLOCK

    def usable(self, kek: str) -> Kek:
        """A key that may unwrap. Raises UnreadableError for one that is unknown or destroyed."""
        found = self._keks.get(kek)
        if found is None:
            with self._lock:
                found = self._keks.get(kek) or self._meet(kek)
        elif self._clock() - self._seen > _OLD_SECONDS:
            with self._lock:
                self._look_if_possible(_OLD_SECONDS)
                found = self._keks.get(kek)
        if found is None or found.state == DESTROYED:
            raise UnreadableError
        return found

    def active(self) -> Kek:
        """The key that wraps. Raises KeysUnavailableError when there is none."""
        with self._lock:
            self._look(self._settings.view_seconds)
            for kek in self._keks.values():
                if kek.state == ACTIVE:
                    return kek
        raise KeysUnavailableError("no key is active")

    def take(self, count: int) -> Kek:
        """The active key, with `count` encryptions reserved. Raises KeyExhaustedError."""
        with self._lock:
            kek = self.active()
            while self._left < count:
                wanted = max(count, self._block)
                granted = self._book.reserve(kek.id, wanted, self._settings.kek_limit)
                self._left += granted
                self._block = min(2 * self._block, _LARGEST_BLOCK)
                if granted < wanted and self._left < count:
                    # Used up, or another is active since we looked.
                    self.look_again()
                    before, kek = kek, self.active()
                    if kek.id == before.id:
                        raise KeyExhaustedError("the active key may wrap no more: run `samtycke keys rotate`")
            self._left -= count
            return kek

    def look_again(self) -> None:
        """Read the book before the next use: something in it has been changed."""
        with self._lock:
            self._seen, self._left = float("-inf"), 0
            self._unknown = {}

    def _meet(self, kek: str) -> Kek | None:
        now = self._clock()
        if now - self._unknown.get(kek, float("-inf")) <= _UNKNOWN_SECONDS:
            return None
        self._look(0)
        found = self._keks.get(kek)
        if found is None:
            kept = {} if len(self._unknown) >= _MOST_UNKNOWN else self._unknown
            self._unknown = {**kept, kek: now}
        return found

    def _look(self, seconds: float) -> None:
        """Read the book unless that was done less than `seconds` ago."""
        now = self._clock()
        if self._keks and seconds and now - self._seen <= seconds:
            return
        keks = self._book.read()
        if not keks:
            self._book.adopt(self._name, self._first)
            keks = self._book.read()
        if _active(keks) != _active(self._keks):
            self._left = 0
        self._keks, self._seen = keks, now

    def _look_if_possible(self, seconds: float) -> None:
        try:
            self._look(seconds)
        except UnavailableError:
            # The row with the wrapped key has just been read, and a destroyed key wraps none.
            self._seen = self._clock() - seconds + self._settings.view_seconds


def _active(keks: Mapping[str, Kek]) -> str | None:
    return next((kek.id for kek in keks.values() if kek.state == ACTIVE), None)
