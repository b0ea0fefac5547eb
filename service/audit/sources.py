"""Where a witness gets checkpoints and consistency proofs from: the service over HTTP, or its database."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence

from service.errors import InvalidInputError, LedgerError, UnavailableError
from service.storage.database import Database
from service.storage.ledger import read_head
from service.use_cases.prove_consistency import prove_consistency

_PATIENCE = 30.0
_LONGEST = 1_000_000


class DatabaseSource:
    """The log in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self) -> str:
        """The newest checkpoint; empty where nothing has been signed yet."""
        with self._database.connection() as db:
            return read_head(db).note

    def consistency(self, old: int, new: int) -> Sequence[bytes]:
        with self._database.connection() as db:
            try:
                return prove_consistency(db, old, new)
            except InvalidInputError as error:
                raise LedgerError(str(error)) from None


class HttpSource:
    """The log behind the service's own interface, as a witness on another machine sees it. The token is a
    DPO's. Raises UnavailableError where it does not answer, which says nothing about the log."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token = address.rstrip("/"), token
        if not self._address.startswith(("http://", "https://")):
            raise LedgerError(f"{address} is not the address of a service")

    def note(self) -> str:
        return self._get("/v1/ledger/checkpoint").decode()

    def consistency(self, old: int, new: int) -> Sequence[bytes]:
        body = self._get(f"/v1/ledger/consistency?from={old}&to={new}")
        try:
            return [bytes.fromhex(digest) for digest in json.loads(body)["path"]]
        except (ValueError, LookupError, TypeError):
            raise LedgerError("the answer is not a consistency proof") from None

    def _get(self, path: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 (the address was looked at)
            self._address + path, headers={"Authorization": f"Bearer {self._token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
                found: bytes = answer.read(_LONGEST)
                return found
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (422, 503) and "consistency" in path:
                raise LedgerError(f"the service answers {error.code}") from None
            raise UnavailableError(f"{self._address}{path} answers {error.code}") from None
        except OSError as error:
            raise UnavailableError(f"{self._address} cannot be reached: {error}") from None
