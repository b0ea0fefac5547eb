"""The registered endpoints, looked up for each attempt: a removed or rotated one counts at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from service.bootstrap import Services
from service.errors import NotFoundError, UnavailableError
from service.senders.webhook import Endpoint
from service.storage.endpoints import ACTIVE, disable_endpoint, find_route, read_endpoint


class RegisteredEndpoints:
    """`service.senders.webhook.Endpoints` in the database."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def find(self, endpoint: UUID) -> Endpoint | None:
        with _available(), self._services.database.transaction() as db:
            try:
                found = read_endpoint(db, self._services.keyring, endpoint)
            except NotFoundError:
                return None
        if found.state != ACTIVE:
            return None
        return Endpoint(found.id, found.details.url, found.secrets(self._services.now))

    def find_route(self, route: str) -> Endpoint | None:
        with _available(), self._services.database.connection() as db:
            endpoint = find_route(db, route)
        return None if endpoint is None else self.find(endpoint)

    def disable(self, endpoint: UUID) -> None:
        with _available(), self._services.database.transaction() as db:
            disable_endpoint(db, endpoint, self._services.now)


@contextmanager
def _available() -> Iterator[None]:
    """Raises UnavailableError for a database that is lost in the middle too."""
    try:
        yield
    except psycopg.OperationalError:
        raise UnavailableError("the database cannot be reached") from None
