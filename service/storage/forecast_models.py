"""The versions of the forecast model: aggregates over many people, so they stand in clear."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from service.forecast import Model, default_model
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)
# What this process has read, by the document's digest: a number alone means little across databases.
_READ: dict[tuple[int, bytes], Model] = {}
_MOST_READ = 4


@dataclass(frozen=True, slots=True)
class Training:
    """One training: the version it made, and how many people and intervals it learned from."""

    version: str
    trained_at: datetime
    people: int
    intervals: int


def newest_model(db: Connection) -> Model:
    """The newest trained one; the embedded default where none has been."""
    row = db.execute(_SQL["newest_model"]).fetchone()
    if row is None:
        return default_model()
    version, digest = int(row[0]), bytes(row[1])
    model = _READ.get((version, digest))
    if model is None:
        found = db.execute(_SQL["read_model"], (version,)).fetchone()
        assert found is not None
        model = replace(Model.from_dict(found[0]), version=name_of(version))
        while len(_READ) >= _MOST_READ:
            _READ.pop(next(iter(_READ)), None)
        _READ[version, digest] = model
    return model


def insert_model(unit: Unit, model: Model, people: int, intervals: int) -> str:
    """Put a trained model in use; its version's name."""
    document = model.to_dict()
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()
    key = {
        "now": unit.now,
        "document": Jsonb(document),
        "digest": digest,
        "people": people,
        "intervals": intervals,
    }
    row = unit.db.execute(_SQL["insert_model"], key).fetchone()
    assert row is not None
    return name_of(row[0])


def read_trainings(db: Connection, limit: int) -> list[Training]:
    """The newest trainings, newest first."""
    rows = db.execute(_SQL["read_trainings"], (limit,))
    return [Training(name_of(version), *rest) for version, *rest in rows]


def draw_subjects(db: Connection, seed: int, limit: int) -> list[UUID]:
    """Up to `limit` active subjects; another seed draws others."""
    return [row[0] for row in db.execute(_SQL["draw_subjects"], {"seed": seed, "limit": limit})]


def name_of(version: int) -> str:
    """How a forecast names the version that it was made with."""
    return f"shop/{version}"
