"""A book of keys in memory, for what needs no database; the real one is tried in tests/storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from service.crypto.keks import ACTIVE, DEACTIVATED, Kek, WrappedKey
from service.crypto.key_settings import KeySettings
from service.crypto.keyring import Keyring
from service.crypto.providers import Provider

SETTINGS = KeySettings(providers="file:unused")


class MemoryBook:
    def __init__(self) -> None:
        self.keks: dict[str, Kek] = {}
        self.roots: dict[int, WrappedKey] = {}
        self.seals: dict[UUID, int] = {}
        self.reads = 0

    def read(self) -> Mapping[str, Kek]:
        self.reads += 1
        return dict(self.keks)

    def adopt(self, provider: str, choose: Callable[[], list[str]]) -> None:
        for place, kek in enumerate(choose()):
            self.add(kek, provider, DEACTIVATED if place else ACTIVE)

    def add(self, kek: str, provider: str, state: str) -> None:
        if state == ACTIVE:
            for other in self.keks.values():
                if other.state == ACTIVE:
                    self.set(other.id, DEACTIVATED)
        self.keks[kek] = Kek(kek, provider, state, 0, datetime(2026, 11, 22, tzinfo=UTC))

    def set(self, kek: str, state: str) -> None:
        self.keks[kek] = replace(self.keks[kek], state=state)

    def reserve(self, kek: str, most: int, limit: int) -> int:
        found = self.keks[kek]
        granted = max(0, min(most, limit - found.invocations)) if found.state == ACTIVE else 0
        self.keks[kek] = replace(found, invocations=found.invocations + granted)
        return granted

    def count_seals(self, owner: UUID, count: int) -> int:
        self.seals[owner] = self.seals.get(owner, 0) + count
        return self.seals[owner]

    def index_root(self, version: int, make: Callable[[], WrappedKey]) -> WrappedKey:
        if version not in self.roots:
            self.roots[version] = make()
        return self.roots[version]


def keyring(provider: Provider, book: MemoryBook | None = None, settings: KeySettings = SETTINGS) -> Keyring:
    return Keyring([provider], book or MemoryBook(), settings)
