"""HashiCorp Vault or OpenBao, transit engine: `vault:MOUNT/PREFIX`, as `vault:transit/samtycke`.

Address and token come from VAULT_ADDR and VAULT_TOKEN (or VAULT_TOKEN_FILE, which an agent renews). Each
key-encryption key is a transit key `PREFIX-…` of type aes256-gcm96, so that a retired one can be deleted by
itself. The policy needs `update` on MOUNT/encrypt/PREFIX-* and MOUNT/decrypt/PREFIX-*; rotating also
`create, update, delete` on MOUNT/keys/PREFIX-* and MOUNT/keys/PREFIX-*/config. No `create` on encrypt: it
would make a key anew that is gone.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hvac
import hvac.exceptions
import requests

from service.crypto.providers import Bound
from service.errors import ConfigError, KeysUnavailableError

_TIMEOUT = (1.0, 5.0)
# OpenBao takes a thousand JSON strings a request unless told otherwise, and an item has four.
_BATCH = 200
_AT_ONCE = 4


class VaultTransit:
    """`token` is asked at each use, since an agent may have renewed it."""

    name = "vault"
    remote = True

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        mount: str,
        prefix: str,
        *,
        ca: str | None = None,
        namespace: str | None = None,
    ) -> None:
        self._client = hvac.Client(url=url, timeout=_TIMEOUT, verify=ca or True, namespace=namespace)
        self._token, self._mount, self._prefix = token, mount, prefix

    @classmethod
    def open(cls, where: str, environ: Mapping[str, str]) -> VaultTransit:
        mount, _, prefix = where.strip("/").rpartition("/")
        url = environ.get("VAULT_ADDR") or environ.get("BAO_ADDR")
        file = environ.get("VAULT_TOKEN_FILE")
        fixed = environ.get("VAULT_TOKEN") or environ.get("BAO_TOKEN")
        if not mount or not prefix:
            raise ConfigError("SAMTYCKE_KEYS=vault:…: give mount and prefix, as vault:transit/samtycke")
        if not url or not (file or fixed):
            raise ConfigError("SAMTYCKE_KEYS=vault:… needs VAULT_ADDR, and VAULT_TOKEN or VAULT_TOKEN_FILE")
        token = (lambda: Path(file).read_text().strip()) if file else (lambda: fixed or "")
        ca, namespace = environ.get("VAULT_CACERT"), environ.get("VAULT_NAMESPACE")
        return cls(url, token, mount, prefix, ca=ca, namespace=namespace)

    def wrap(self, kek: str, keys: Sequence[Bound]) -> list[bytes]:
        items = [{"plaintext": _text(key), "associated_data": _text(place)} for key, place in keys]
        results = self._batches("encrypt", kek, items)
        if any("ciphertext" not in result for result in results):
            raise KeysUnavailableError("the key server refused to wrap")
        return [result["ciphertext"].encode() for result in results]

    def unwrap(self, kek: str, wrapped: Sequence[Bound]) -> list[bytes | None]:
        items = [{"ciphertext": _ascii(data), "associated_data": _text(place)} for data, place in wrapped]
        results = self._batches("decrypt", kek, items)
        return [None if r.get("error") else base64.b64decode(r["plaintext"]) for r in results]

    def first(self) -> list[str]:
        return [self.make(())]

    def make(self, known: Collection[str]) -> str:  # noqa: ARG002 (only new ones are made here)
        kek = f"{self._prefix}-{secrets.token_hex(4)}"
        self._write(f"keys/{kek}", {"type": "aes256-gcm96", "exportable": False})
        return kek

    def destroy(self, kek: str) -> str:
        self._write(f"keys/{kek}/config", {"deletion_allowed": True})
        self._ask(lambda: self._client.delete(f"{self._mount}/keys/{kek}"))
        return "backups of the key server's storage still hold it until they are gone"

    def index_root(self) -> bytes | None:
        return None

    def _batches(self, verb: str, kek: str, items: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
        def send(start: int) -> list[dict[str, Any]]:
            # Without this code one bad item makes the whole batch an error.
            body = {"batch_input": items[start : start + _BATCH], "partial_failure_response_code": 200}
            found: list[dict[str, Any]] = self._write(f"{verb}/{kek}", body)["data"]["batch_results"]
            return found

        starts: Iterable[int] = range(0, len(items), _BATCH)
        if len(items) <= _BATCH:
            return [result for start in starts for result in send(start)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return [result for part in pool.map(send, starts) for result in part]

    def _write(self, path: str, data: dict[str, Any]) -> Any:
        return self._ask(lambda: self._client.write_data(f"{self._mount}/{path}", data=data))

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            self._client.token = self._token()
            return call()
        except (hvac.exceptions.VaultError, requests.RequestException, OSError) as error:
            # A message of theirs may repeat what was sent.
            raise KeysUnavailableError(f"the key server: {type(error).__name__}") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _ascii(data: bytes) -> str:
    # What is no ciphertext of this server is refused there, item by item.
    return data.decode("ascii", "replace")
