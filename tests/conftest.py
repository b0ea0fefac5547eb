"""What every test may ask for: a fresh database, a broker of its own, a folder that PostgreSQL may enter."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis

from tests.databases import Databases
from tests.servers import Keeper, Servers, find

KEEPER = pytest.StashKey[Keeper]()
NOTE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    # An installation's settings on this machine must not lead a test to its database.
    for name in [name for name in os.environ if name.startswith("SAMTYCKE_")]:
        del os.environ[name]
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is None:
        config.stash[KEEPER] = keeper = Keeper()
        config.stash[NOTE] = str(keeper.note)
    else:
        config.stash[NOTE] = given["servers_note"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take a minute begin first, so that at the end nobody waits for one."""
    items.sort(key=lambda item: item.path.parent.name not in ("faults", "embedded"))


def pytest_unconfigure(config: pytest.Config) -> None:
    keeper = config.stash.get(KEEPER, None)
    if keeper is not None:
        keeper.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Only xdist's leading process calls this, once for each worker."""
    node.workerinput["servers_note"] = node.config.stash[NOTE]


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The run's PostgreSQL and broker."""
    return find(Path(pytestconfig.stash[NOTE]))


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Databases:
    return Databases(servers)


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """The URL of a fresh database with every migration applied; gone after the test."""
    url = databases.take()
    yield url
    databases.give_back(url)


@pytest.fixture
def empty_database(servers: Servers) -> Iterator[str]:
    """The URL of a fresh database without any table; gone after the test."""
    name = f"test_{uuid4().hex}"
    yield servers.create_empty(name)
    servers.drop(name)


@pytest.fixture
def broker_url(servers: Servers, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty broker database that no other test process uses."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "gw0")
    url = f"{servers.broker_url}/{int(worker.removeprefix('gw')) % 16}"
    _flush(url)
    yield url
    _flush(url)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A new folder that the account which runs PostgreSQL may enter; gone after the test."""
    folder = Path(tempfile.mkdtemp(prefix="samtycke-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _flush(url: str) -> None:
    client = redis.Redis.from_url(url)
    try:
        client.flushdb()
    finally:
        client.close()
