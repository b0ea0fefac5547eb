"""The settings of keys: which providers, and every bound."""

from __future__ import annotations

from dataclasses import dataclass

from service.crypto.keks import GCM_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """`providers` as in SAMTYCKE_KEYS. `kek_limit` and `data_key_limit` are encryptions under one key.
    `view_seconds` is how long a process may go on wrapping under a key before it looks which is active."""

    providers: str
    cache_size: int = 10_000
    cache_seconds: int = 300
    kek_limit: int = GCM_LIMIT
    data_key_limit: int = GCM_LIMIT
    view_seconds: float = 5.0
