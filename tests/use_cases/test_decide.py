"""Deciding about one person costs two round trips to the database (performance goal 11)."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.storage.policies import publish_policy
from service.use_cases.decide import decide
from tests.api.people import SHOP, add_person, add_products
from tests.workers.jobs import asked

POLICY = Path(__file__).parents[1] / "policy" / "vectors" / "policy-pharmacy.json"


class Wire:
    """Stands between psycopg and the server and notes who speaks."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.speakers: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def trips(self) -> int:
        """How often the client spoke after the server had."""
        turns = zip(["server", *self.speakers], self.speakers, strict=False)
        return sum(before == "server" and speaker == "client" for before, speaker in turns)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, client, server:
            selector.register(client, selectors.EVENT_READ, ("client", server))
            selector.register(server, selectors.EVENT_READ, ("server", client))
            while True:
                for key, _ in selector.select():
                    name, other = key.data
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    self.speakers.append(name)
                    other.sendall(data)


@pytest.fixture
def wire(database: str) -> Iterator[Wire]:
    parts = conninfo_to_dict(database)
    wire = Wire(str(parts["host"]), int(str(parts["port"])))
    yield wire
    wire.close()


@pytest.fixture
def services(database: str, wire: Wire, tmp_path: Path) -> Iterator[Services]:
    real = conninfo_to_dict(database)["port"]
    url = database.replace(f":{real}/", f":{wire.port}/")
    config = Config.from_environ({"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_DATABASE_URL": url})
    create_key_file(config.key_file)
    services = build_services(config, pool_size=1)
    with services.database.transaction() as db:
        publish_policy(db, json.loads(POLICY.read_text()), services.now)
    add_products(services)
    yield services
    services.close()


def test_two_round_trips(services: Services, wire: Wire) -> None:
    person = add_person(services)
    candidates = [asked(id=f"c{n}", sku=sku) for n, sku in enumerate(["shampoo", "cream", "cough"] * 7)]
    for _ in range(10):
        # The statements become prepared ones on the way, which costs a trip of its own.
        decide(services, SHOP, person.id, candidates)
    wire.speakers.clear()
    answered = decide(services, SHOP, person.id, candidates)
    assert len(answered.ids) == 21
    assert wire.trips <= 2
