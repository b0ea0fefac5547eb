"""What work costs beside time: how often it waits for the database, and how many values it opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import psycopg

from service.crypto.data_key import DataKey


@dataclass
class Waits:
    trips: int = 0
    opened: int = 0


@contextmanager
def counting(waits: Waits) -> Iterator[None]:
    """Count what this process does meanwhile."""
    # Keys of the key file wrap as data keys seal, so what is opened counts the data keys too.
    wait, opens = psycopg.Connection.wait, DataKey.open

    def counted_wait(self: Any, gen: Any, *args: Any, **kwargs: Any) -> Any:
        # In a pipeline a statement is only sent; what waits is asking for what has come of it.
        if self._pipeline is None or gen.__name__ in ("_fetch_gen", "_exit_gen", "_sync_gen"):
            waits.trips += 1
        return wait(self, gen, *args, **kwargs)

    def counted_open(self: DataKey, *args: Any) -> bytes:
        waits.opened += 1
        return opens(self, *args)

    with (
        patch.object(psycopg.Connection, "wait", counted_wait),
        patch.object(DataKey, "open", counted_open),
    ):
        yield
