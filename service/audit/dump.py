"""The export of the ledger: a folder of JSON lines, one file for each table, that is checked without the
service, its database or its keys.

`verifier.txt` holds the key that checkpoints are checked with. Whoever distrusts the exporter takes that key
from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from service.crypto.keyring import Keyring
from service.errors import LedgerError
from service.storage.database import Connection
from service.storage.ledger_export import TABLES, Row, read_heads, read_openings, read_table

VERIFIER = "verifier.txt"
HEADS, OPENINGS = "heads", "openings"


class Dump(Protocol):
    """What a verifier reads: rows of one kind in their order, nothing for a kind that was left out."""

    def rows(self, name: str) -> Iterator[Row]: ...


class DatabaseDump:
    """Straight from a database, in the caller's snapshot; without a keyring what needs keys is left out."""

    def __init__(self, db: Connection, keyring: Keyring | None) -> None:
        self._db, self._keyring = db, keyring

    def rows(self, name: str) -> Iterator[Row]:
        if name in TABLES:
            yield from read_table(self._db, name)
        elif self._keyring is not None:
            yield from (read_heads if name == HEADS else read_openings)(self._db, self._keyring)


class FolderDump:
    """From an exported folder. Raises LedgerError for a file that cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rows(self, name: str) -> Iterator[Row]:
        path = self._folder / f"{name}.jsonl"
        if name in (HEADS, OPENINGS) and not path.exists():
            return
        try:
            with path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    yield _row(path, number, line)
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerError(f"{path} cannot be read: {error}") from None


def write_dump(dump: Dump, folder: Path, verifier: str, *, openings: bool) -> dict[str, int]:
    """Export to a new folder; rows by kind. Salts are written only with `openings`: with them, a commitment
    can be checked against what it stands for, also after that has been erased."""
    folder.mkdir(parents=True, mode=0o700)
    (folder / VERIFIER).write_text(f"{verifier}\n", encoding="utf-8")
    written = {}
    for name in (*TABLES, HEADS, *([OPENINGS] if openings else [])):
        count = 0
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for count, row in enumerate(dump.rows(name), 1):  # noqa: B007 (it is the count in the end)
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
        written[name] = count
    if not written[HEADS]:
        with suppress(FileNotFoundError):
            (folder / f"{HEADS}.jsonl").unlink()
    return written


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row: Any = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise LedgerError(f"{path}, line {number}: is not a JSON object")
    return row
