"""Where backups lie: the data in one folder, the keys in another.

    DATA/base/<instant>/      a base backup as PostgreSQL has it, named by when it was finished
    DATA/wal/                 the pieces of the write-ahead log since the oldest of them
    DATA/erasures             a copy of the erasure journal as of the last backup
    KEYS/<instant>/           the key file, the keys of issuer and ledger, the database password, the list of
                              data keys

A base backup holds the wrapped data keys too: a physical copy cannot leave out a schema. Without KEYS none of
them opens; with KEYS, whoever was erased since would, and therefore a restore does the erasures again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from service.embedded.errors import StartError
from service.instants import show_instant

_NAME = re.compile(r"\d{8}T\d{6}Z")
_FORMAT = "%Y%m%dT%H%M%SZ"
_START = re.compile(r"^START WAL LOCATION: .*\(file ([0-9A-F]{24})\)$", re.MULTILINE)

KEY_FILE = "keys.json"
ISSUER_FILE = "issuer.json"
LEDGER_FILE = "ledger.key"
PASSWORD_FILE = "postgres-password"  # noqa: S105 (the name of a file)
DATA_KEYS_FILE = "data-keys.copy"


class BackupError(StartError):
    """A backup cannot be made or brought back."""


@dataclass(frozen=True, slots=True)
class Base:
    """One base backup."""

    folder: Path
    made_at: datetime

    @property
    def first_piece(self) -> str:
        """The piece of the write-ahead log that recovery begins with."""
        try:
            found = _START.search((self.folder / "backup_label").read_text(encoding="utf-8"))
        except OSError:
            found = None
        if found is None:
            raise BackupError(f"{self.folder} is not a whole base backup")
        return found[1]


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of backups and the folder of the keys that belong to them."""

    data: Path
    keys: Path

    @property
    def wal(self) -> Path:
        return self.data / "wal"

    @property
    def journal(self) -> Path:
        return self.data / "erasures"

    def check_apart(self) -> None:
        """Raises BackupError when data and keys would lie together."""
        data, keys = self.data.resolve(), self.keys.resolve()
        if data == keys or data.is_relative_to(keys) or keys.is_relative_to(data):
            raise BackupError(
                f"the keys must not lie with the data: {keys} and {data}; give --keys a folder of its own,"
                " best on another disk that others look after"
            )

    def bases(self) -> list[Base]:
        """The whole base backups, oldest first."""
        return [Base(folder, at) for folder, at in dated(self.data / "base")]

    def newest_keys(self) -> Path:
        found = dated(self.keys)
        if not found:
            raise BackupError(f"there are no keys in {self.keys}")
        return found[-1][0]


def dated(folder: Path) -> list[tuple[Path, datetime]]:
    """The entries of a folder that are named by an instant, oldest first."""
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in folder.iterdir() if _NAME.fullmatch(entry.name))
    return [(folder / name, datetime.strptime(name, _FORMAT).replace(tzinfo=UTC)) for name in names]


def name_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_FORMAT)


def owners(keys: Path) -> set[UUID] | None:
    """Whose data keys there were when these keys were stored; None where the list is missing."""
    try:
        lines = (keys / DATA_KEYS_FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return None
    return {UUID(line.partition("\t")[0]) for line in lines}


def describe(bases: list[Base]) -> str:
    """For a person who wonders what there is."""
    return json.dumps([show_instant(base.made_at) for base in bases])
