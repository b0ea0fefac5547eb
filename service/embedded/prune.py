"""Backups expire by age: that is what a certificate of erasure promises about the copies in them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from service.embedded.archive import SUFFIX
from service.embedded.backup_store import Store, dated

_PIECE = 24


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went. `overdue`: the only backup left has come of age itself, and a newer one is missing."""

    bases: int
    pieces: int
    overdue: bool


def prune_backups(store: Store, now: datetime, keep: timedelta) -> Pruned:
    """Remove base backups older than `keep` and the log that only they needed. The newest one stays whatever
    its age, and is reported. Interrupted, it goes on with the next call."""
    bases = store.bases()
    old = [base for base in bases[:-1] if base.made_at <= now - keep]
    for base in old:
        _remove(base.folder)
    kept = store.bases()
    for folder, at in dated(store.keys):
        if kept and at < kept[0].made_at:
            shutil.rmtree(folder)
    first = min((base.first_piece for base in kept), default=None)
    pieces = 0 if first is None else _prune_log(store.wal, first)
    return Pruned(len(old), pieces, bool(kept) and kept[-1].made_at <= now - keep)


def _prune_log(wal: Path, first: str) -> int:
    """Remove the pieces before `first`. Timelines count pieces alike, so the part behind them decides."""
    removed = 0
    for file in wal.iterdir():
        name = file.name.removesuffix(SUFFIX)
        is_piece = len(name) == _PIECE and file.name.endswith(SUFFIX)
        if (is_piece and name[8:] < first[8:]) or _label_before(name, first):
            file.unlink()
            removed += 1
    return removed


def _label_before(name: str, first: str) -> bool:
    """Whether it is the label of an older base backup (`<piece>.<offset>.backup`)."""
    return name.endswith(".backup") and name[8:_PIECE] < first[8:]


def _remove(folder: Path) -> None:
    # Half a base backup must not be taken for one.
    gone = folder.with_name("going")
    shutil.rmtree(gone, ignore_errors=True)
    folder.replace(gone)
    shutil.rmtree(gone)
