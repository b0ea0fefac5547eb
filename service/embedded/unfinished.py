"""The mark of a restore under way: what lies in the folder is not yet what may be served."""

from __future__ import annotations

from pathlib import Path

from service.embedded.errors import HomeError
from service.embedded.files import sync_folder, write_private

_MARK = "restoring"


def begin_restore(home: Path) -> None:
    write_private(home / _MARK, "a restore is under way, or was interrupted\n")
    sync_folder(home)


def end_restore(home: Path) -> None:
    (home / _MARK).unlink()
    sync_folder(home)


def require_whole(home: Path) -> None:
    """Raises HomeError while a restore has not finished."""
    if (home / _MARK).exists():
        raise HomeError(
            f"a restore into {home} has not finished, so erased persons may be in it;"
            " empty the folder and run `samtycke restore` again"
        )
