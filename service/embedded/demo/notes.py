"""Which subject an erased person of the story was: an opaque id in the data folder, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

from service.actor import show_subject
from service.embedded.files import write_private

_FILE = Path("demo") / "erased.json"


def keep(home: Path, key: str, subject: UUID) -> None:
    """Remember it durably, before she is erased."""
    path = home / _FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, json.dumps({**read(home), key: show_subject(subject)}))


def read(home: Path) -> dict[str, str]:
    """Key to subject id; empty where nothing was kept."""
    try:
        kept = json.loads((home / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
