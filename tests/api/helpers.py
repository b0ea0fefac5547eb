"""What the tests of the API share: a clock, tokens, and the reading of problems."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from werkzeug.test import TestResponse

from service.actor import show_subject
from service.api.app import create_app
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.storage.policies import publish_policy
from service.tokens import load_issuer_key, mint
from tests.servers import Servers

ANYBODY = UUID("0b8f6b52-6f0e-4b7e-9b59-3c1f6d2a8e11")
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
POLICY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"


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


@dataclass(frozen=True)
class Installation:
    """One installation that a whole module of tests shares."""

    services: Services
    app: Flask
    clock: Clock
    token: Tokens

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def digest(self) -> dict[str, str]:
        """What every table holds, as one digest each: equal digests mean that nothing was stored."""
        with self.services.database.connection() as db:
            tables = db.execute(
                "select schemaname, tablename from pg_tables where schemaname in ('public', 'keys', 'ledger')"
            ).fetchall()
            one = sql.SQL(
                "select {name}, coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {t} t"
            )
            rows = db.execute(
                sql.SQL(" union all ").join(
                    one.format(name=sql.Literal(f"{schema}.{table}"), t=sql.Identifier(schema, table))
                    for schema, table in tables
                )
            ).fetchall()
        return dict(rows)


@contextmanager
def installed(
    servers: Servers, home: Path, *, now: datetime = START, broker_url: str | None = None, **more: str
) -> Iterator[Installation]:
    """An installation on a database of its own, with the pharmacy's policy in force. `more` are variables
    of its environment. Its broker is the run's, whose messages nobody reads."""
    name = f"test_{uuid4().hex}"
    environ = {
        "SAMTYCKE_HOME": str(home),
        "SAMTYCKE_DATABASE_URL": servers.create(name),
        "SAMTYCKE_BROKER_URL": broker_url or f"{servers.broker_url}/15",
    }
    clock = Clock(now)
    config = Config.from_environ(environ | more)
    create_key_file(config.key_file)
    services = build_services(config, clock=clock)
    try:
        with services.database.transaction() as db:
            publish_policy(db, json.loads(POLICY.read_text()), now)
        yield Installation(services, create_app(services), clock, Tokens(services))
    finally:
        services.close()
        servers.drop(name)
