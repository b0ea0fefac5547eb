"""The running service as its clients see it: HTTP, one bearer token for each role and customer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from service.config import Config
from service.errors import SamtyckeError
from service.tokens import load_issuer_key, mint

_PATIENCE = 30.0
_NDJSON = "application/x-ndjson"
# The shop whose recommender speaks, and the customers themselves.
_CLIENT = "demo-shop"


class StoryError(SamtyckeError):
    """The story cannot be played."""


class Client:
    """Calls of one address. Raises StoryError when nothing answers there, or when a call is refused."""

    def __init__(self, config: Config, address: str | None = None) -> None:
        if config.jwks is not None:
            raise StoryError(
                f"tokens come from {config.issuer}; the story can only mint the embedded issuer's"
            )
        self.address = address or config.address
        url = urlsplit(self.address)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(url.hostname or "", url.port, timeout=_PATIENCE)
        self._prefix = url.path.rstrip("/")
        self._config = config
        self._key = load_issuer_key(config.issuer_key_file)
        self._tokens: dict[tuple[str, str | None], str] = {}

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str, *, role: str, subject: str | None = None, **query: str) -> Any:
        target = f"{path}?{urlencode(query)}" if query else path
        return self._answer("GET", target, self._headers(role, subject), None)

    def find(self, path: str, body: Mapping[str, Any], *, role: str) -> Any | None:
        """What a POST answers, or None where there is no such thing."""
        headers = {**self._headers(role, None), "Content-Type": "application/json"}
        status, answer = self._send("POST", path, headers, json.dumps(body).encode())
        if status == 404:
            return None
        return self._checked("POST", path, status, answer)

    def post_lines(self, path: str, lines: Iterable[Mapping[str, Any]], *, role: str) -> Any:
        """POST as newline-delimited JSON."""
        headers = {**self._headers(role, None), "Content-Type": _NDJSON}
        return self._answer(
            "POST", path, headers, b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        )

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        status, answer = self._send(method, path, headers, body)
        return self._checked(method, path, status, answer)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        try:
            self._connection.request(method, self._prefix + path, body, dict(headers))
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise StoryError(f"nothing answers at {self.address} ({type(error).__name__})") from None

    def _checked(self, method: str, path: str, status: int, answer: bytes) -> Any:
        if status >= 400:
            raise StoryError(f"{method} {path} is answered {status}: {answer.decode(errors='replace')[:300]}")
        try:
            if path.endswith("/results"):
                return [json.loads(line) for line in answer.splitlines()]
            return json.loads(answer)
        except ValueError:
            raise StoryError(f"{self.address} does not answer as samtycke does") from None

    def _headers(self, role: str, subject: str | None) -> dict[str, str]:
        known = (role, subject)
        if known not in self._tokens:
            self._tokens[known] = mint(
                self._key,
                issuer=self._config.issuer,
                audience=self._config.audience,
                sub=subject or _CLIENT,
                roles=[role],
                now=datetime.now(UTC),
                subject=subject,
            )
        return {"Authorization": f"Bearer {self._tokens[known]}", "Accept": "*/*"}
