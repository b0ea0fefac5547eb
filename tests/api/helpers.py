"""What the tests of the API share: a clock, tokens, and the reading of problems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from service.actor import show_subject
from service.bootstrap import Services
from service.tokens import load_issuer_key, mint

ANYBODY = UUID("0b8f6b52-6f0e-4b7e-9b59-3c1f6d2a8e11")


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


class Tokens:
    """Mints tokens of the installation's own issuer, by default as it expects them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._key = load_issuer_key(services.config.issuer_key_file)

    def __call__(self, *roles: str, **changes: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text(*roles, **changes)}"}

    def text(
        self,
        *roles: str,
        subject: UUID | str | None = None,
        sub: str | None = None,
        scope: str = "",
        at: datetime | None = None,
        ttl: timedelta = timedelta(hours=1),
        audience: str | None = None,
        issuer: str | None = None,
    ) -> str:
        if subject is None and "customer" in roles:
            subject = ANYBODY
        config = self._services.config
        return mint(
            self._key,
            issuer=issuer or config.issuer,
            audience=audience or config.audience,
            sub=sub or f"{roles[0] if roles else 'nobody'}-1",
            roles=roles,
            now=at or self._services.clock(),
            scope=scope,
            subject=show_subject(subject) if isinstance(subject, UUID) else subject,
            ttl=ttl,
        )


def problem_of(response: TestResponse, status: int, slug: str) -> dict[str, Any]:
    """The problem document that `response` must be."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.get_json(force=True)
    assert problem["type"] == f"urn:samtycke:problem:{slug}", problem
    assert problem["status"] == status
    assert problem["title"]
    return problem


def pointers(problem: dict[str, Any]) -> set[str]:
    """Where a problem's faults lie."""
    return {fault["pointer"] for fault in problem["errors"]}
