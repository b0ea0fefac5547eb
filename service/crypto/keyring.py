"""The keyring: data keys, wrapped and unwrapped by key-encryption keys that providers hold.

Which key wraps stands in a book that all processes share (`service.crypto.keks`); what each may encrypt is
counted (NIST SP 800-38D, section 8.3).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

from service.crypto.data_key import KEY_BYTES, DataKey
from service.crypto.kek_view import KekView
from service.crypto.keks import Kek, KekBook, WrappedKey
from service.crypto.key_cache import KeyCache
from service.crypto.key_settings import KeySettings
from service.crypto.providers import Bound, Provider
from service.crypto.providers.key_file import create_key_file
from service.crypto.seals import SealCounter
from service.errors import KeysUnavailableError, UnreadableError

__all__ = ["Keyring", "WrappedKey", "create_key_file"]

_PROBE = UUID(int=0)


class Keyring:
    """The keys of one process. The first provider makes new keys; all of them open what they wrapped."""

    def __init__(
        self,
        providers: Sequence[Provider],
        book: KekBook,
        settings: KeySettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        first = providers[0]
        self.providers = {provider.name: provider for provider in providers}
        self.settings = settings
        self.cache = KeyCache(settings.cache_size, settings.cache_seconds, clock)
        self._book = book
        self._view = KekView(book, settings, clock, first.name, first.first)
        self._seals = SealCounter(book.count_seals, settings.data_key_limit)
        # Unwrapping at home takes less than remembering, and leaves nothing lying about.
        self._remembers = any(provider.remote for provider in providers)
        self._probe: WrappedKey | None = None

    def new_data_key(self, owner: UUID) -> tuple[DataKey, WrappedKey]:
        """Raises KeyExhaustedError when the active key may wrap no more, KeysUnavailableError."""
        key = DataKey.generate()
        return DataKey(key, self._seals, owner), self.wrap_all([(owner, key)])[0]

    def unwrap(self, owner: UUID, wrapped: WrappedKey) -> DataKey:
        """As `unwrap_many`, for one."""
        return self.unwrap_many([(owner, wrapped)])[0]

    def unwrap_many(self, asked: Sequence[tuple[UUID, WrappedKey]]) -> list[DataKey]:
        """The data keys, with one call of a remote provider for all that are not remembered. Raises
        UnreadableError when one of them opens for no key of ours or belongs to another owner, and
        KeysUnavailableError when the provider cannot be asked."""
        found: list[DataKey | None] = [None] * len(asked)
        groups: dict[str, list[int]] = {}
        for place, (owner, wrapped) in enumerate(asked):
            if self._remembers:
                found[place] = self.cache.get(owner, wrapped)
                if found[place] is not None:
                    continue
            groups.setdefault(wrapped[0], []).append(place)
        whole = True
        for kek, places in groups.items():
            keys = self.unwrap_all(kek, [(asked[place][0], asked[place][1][1]) for place in places])
            for place, key in zip(places, keys, strict=True):
                if key is None:
                    whole = False
                    continue
                owner, wrapped = asked[place]
                found[place] = made = DataKey(key, self._seals, owner)
                if self._remembers:
                    self.cache.put(owner, wrapped, made)
        if not whole:
            raise UnreadableError
        return [key for key in found if key is not None]

    def prefetch(self, asked: Sequence[tuple[UUID, WrappedKey]]) -> None:
        """Have a remote provider unwrap at once what will be asked for one by one."""
        if self._remembers:
            with suppress(UnreadableError):
                self.unwrap_many(asked)

    def forget(self, owner: UUID) -> None:
        """Let go of an erased owner's key."""
        self.cache.forget(owner)

    def check(self) -> None:
        """Ask the provider of the active key to unwrap something. Raises UnavailableError."""
        self.cache.sweep()
        active, probe = self.active(), self._probe
        if probe is None or probe.kek != active.id:
            probe = self._probe = self.wrap_all([(_PROBE, DataKey.generate())])[0]
        if self.unwrap_all(probe.kek, [(_PROBE, probe.wrapped)]) == [None]:
            raise KeysUnavailableError(f"the active key {probe.kek} does not open what it wrapped")

    def active(self) -> Kek:
        """The key that wraps. Raises KeysUnavailableError when there is none."""
        return self._view.active()

    def look_again(self) -> None:
        """Take a change of the book into account at once."""
        self._view.look_again()

    def wrap_all(self, keys: Sequence[tuple[UUID, bytes]]) -> list[WrappedKey]:
        """Data keys under the active key. Raises KeyExhaustedError, KeysUnavailableError."""
        kek = self._view.take(len(keys))
        bound = [Bound(key, _wrap_place(owner, kek.id)) for owner, key in keys]
        return [WrappedKey(kek.id, each) for each in self._provider(kek).wrap(kek.id, bound)]

    def unwrap_all(self, kek: str, wrapped: Sequence[tuple[UUID, bytes]]) -> list[bytes | None]:
        """Data keys that one key wrapped, past the memory; None for what it did not wrap for its owner."""
        bound = [Bound(data, _wrap_place(owner, kek)) for owner, data in wrapped]
        return self._provider(self._view.usable(kek)).unwrap(kek, bound)

    def index_root(self, version: int) -> bytes:
        """A root of the blind indexes; that of version 1 is made, or taken over from a key file, at its first
        use. Raises UnavailableError."""
        return self.open_root(version, self._book.index_root(version, self._first_root))

    def seal_root(self, version: int, root: bytes) -> WrappedKey:
        """A root of the blind indexes under the active key."""
        kek = self._view.take(1)
        bound = Bound(root, _root_place(version, kek.id))
        return WrappedKey(kek.id, self._provider(kek).wrap(kek.id, [bound])[0])

    def open_root(self, version: int, wrapped: WrappedKey) -> bytes:
        provider = self._provider(self._view.usable(wrapped.kek))
        bound = Bound(wrapped.wrapped, _root_place(version, wrapped.kek))
        root = provider.unwrap(wrapped.kek, [bound])[0]
        if root is None:
            raise UnreadableError
        return root

    def _first_root(self) -> WrappedKey:
        kept = [provider.index_root() for provider in self.providers.values()]
        root = next((each for each in kept if each is not None), None)
        return self.seal_root(1, root or secrets.token_bytes(KEY_BYTES))

    def _provider(self, kek: Kek) -> Provider:
        found = self.providers.get(kek.provider)
        if found is None:
            raise KeysUnavailableError(f"the key {kek.id} is of {kek.provider}:…, which SAMTYCKE_KEYS lacks")
        return found

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.providers)})"


def _wrap_place(owner: UUID, kek: str) -> bytes:
    return f"keys.data_keys|wrapped|{owner.hex}|{kek}".encode()


def _root_place(version: int, kek: str) -> bytes:
    return f"keys.index_roots|wrapped|{version}|{kek}".encode()
