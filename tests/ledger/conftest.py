"""Installations whose ledger is written, sealed and tampered with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.helpers import Installation, installed
from tests.servers import Servers


@pytest.fixture
def there(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    with installed(servers, tmp_path) as found:
        yield found
