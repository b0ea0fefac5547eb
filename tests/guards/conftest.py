"""One installation and one world for a whole module: these tests ask much and change little."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.helpers import Installation, installed
from tests.guards.calls import World
from tests.servers import Servers


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)
