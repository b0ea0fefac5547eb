"""Keys from an environment variable, as containers get their secrets: `env:` or `env:NAME`.

The variable (SAMTYCKE_KEK unless named) holds base64 keys of 32 bytes separated by commas, the newest first.
A key's id is derived from it, so nobody has to name them. To rotate, put a new key in front, roll that out to
every process, and run `samtycke keys rotate`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.crypto.providers.local import LocalKeys, read_key
from service.errors import ConfigError

VARIABLE = "SAMTYCKE_KEK"


class EnvironmentKeys(LocalKeys):
    """The keys in `text`, newest first. Raises ConfigError, which never shows a key."""

    name = "env"

    def __init__(self, text: str, variable: str = VARIABLE) -> None:
        self._variable = variable
        try:
            keys = [read_key(part.strip()) for part in text.split(",") if part.strip()]
        except ValueError as error:
            raise ConfigError(f"{variable}: a key in it is {error}") from None
        if not keys:
            raise ConfigError(f"{variable}: must hold a key, as of `openssl rand -base64 32`")
        super().__init__({_id_of(key): key for key in keys})

    @classmethod
    def open(cls, where: str, environ: Mapping[str, str]) -> EnvironmentKeys:
        variable = where or VARIABLE
        return cls(environ.get(variable, ""), variable)

    def first(self) -> list[str]:
        return list(self._keks)

    def make(self, known: Collection[str]) -> str:
        for kek in self._keks:
            if kek not in known:
                return kek
        raise ConfigError(f"put a new key in front of those in {self._variable} first, for every process")

    def destroy(self, kek: str) -> str:
        self._keks.pop(kek, None)
        return f"take the key out of {self._variable}, and destroy every copy of it"


def _id_of(key: bytes) -> str:
    # One way, and under a name of its own: the id stands in the database.
    derived = HKDF(algorithm=SHA256(), length=8, salt=None, info=b"samtycke/kek-id/1").derive(key)
    return f"env-{derived.hex()}"
