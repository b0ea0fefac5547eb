"""Where key-encryption keys live: a key file, the environment, Vault or OpenBao, AWS KMS.

A provider wraps and unwraps; it keeps no state of its own about which key is active (that is the table
`keys.keks`). A further one is a module with a class of these methods and a line in `_KINDS`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from service.errors import ConfigError


class Bound(NamedTuple):
    """A data key, plain or wrapped, and the place it is bound to (associated data)."""

    data: bytes
    place: bytes


class Provider(Protocol):
    """Every method but `name` may raise KeysUnavailableError: the keys cannot be reached or used now."""

    @property
    def name(self) -> str:
        """What the table of keys calls it; never changes."""
        ...

    @property
    def remote(self) -> bool:
        """Whether unwrapping leaves the process, so that it is worth remembering what was unwrapped."""
        ...

    def wrap(self, kek: str, keys: Sequence[Bound]) -> list[bytes]:
        """Each data key wrapped by `kek`, bound to its place."""
        ...

    def unwrap(self, kek: str, wrapped: Sequence[Bound]) -> list[bytes | None]:
        """Each data key, or None for what `kek` did not wrap for that place. The answer says nothing about
        availability: a provider that cannot be asked raises."""
        ...

    def first(self) -> list[str]:
        """The keys of an installation that has none in its table yet: the first one becomes active. Makes
        one where there is none."""
        ...

    def make(self, known: Collection[str]) -> str:
        """A key that is not among `known`: one that an administrator laid ready, or a new one. It is kept
        durably before this returns. Raises ConfigError where only an administrator can make one."""
        ...

    def destroy(self, kek: str) -> str:
        """Destroy the key; a sentence about what is left to do or to wait for, or an empty text."""
        ...

    def index_root(self) -> bytes | None:
        """The root of the blind indexes where the provider keeps it. None: it is kept wrapped in the
        database."""
        ...


_KINDS = {
    "file": "service.crypto.providers.key_file:KeyFile",
    "env": "service.crypto.providers.environment:EnvironmentKeys",
    "vault": "service.crypto.providers.vault:VaultTransit",
    "aws-kms": "service.crypto.providers.aws_kms:AwsKms",
}
_BETWEEN = re.compile(rf",\s*(?=(?:{'|'.join(_KINDS)}):)")


def parse_keys(text: str) -> list[tuple[str, str]]:
    """`kind:where` pairs, separated by commas: the first wraps, all of them unwrap. Raises ConfigError."""
    found = []
    for part in _BETWEEN.split(text):
        kind, colon, where = part.strip().partition(":")
        if kind not in _KINDS or not colon:
            raise ConfigError(f"SAMTYCKE_KEYS: must be one of {', '.join(f'{each}:…' for each in _KINDS)}")
        found.append((kind, where))
    if len({kind for kind, _ in found}) != len(found):
        raise ConfigError("SAMTYCKE_KEYS: names one kind of provider twice")
    return found


def open_providers(text: str, environ: Mapping[str, str]) -> list[Provider]:
    """The providers that SAMTYCKE_KEYS names. Secrets of theirs come from `environ` and are not kept in the
    configuration, which is noted on disk. Raises ConfigError or KeyFileError."""
    providers: list[Provider] = []
    for kind, where in parse_keys(text):
        module, _, name = _KINDS[kind].partition(":")
        try:
            made = getattr(importlib.import_module(module), name).open(where, environ)
        except ImportError as error:
            raise ConfigError(
                f"SAMTYCKE_KEYS={kind}:… needs the package {error.name}: install samtycke[{kind}]"
            ) from None
        providers.append(made)
    return providers
