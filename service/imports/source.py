"""A file to import, the options it is read with, and the files kept beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from service.imports.lines import Format
from service.imports.purchases import Dialect


@dataclass(frozen=True)
class ImportFile:
    """What to import and how it is written. `batch` lines share a transaction."""

    path: Path
    form: Format = field(default_factory=Format)
    mapping: Mapping[str, str] = field(default_factory=dict)
    dialect: Dialect = field(default_factory=Dialect)
    batch: int = 2000

    @property
    def rejects(self) -> Path:
        return self.path.with_name(self.path.name + ".rejects.csv")

    @property
    def checkpoint(self) -> Path:
        return self.path.with_name(self.path.name + ".import.json")

    @property
    def options(self) -> str:
        """Differs when a line would be read in another way."""
        said = msgspec.json.encode((self.form, sorted(self.mapping.items()), self.dialect))
        return hashlib.sha256(said).hexdigest()
