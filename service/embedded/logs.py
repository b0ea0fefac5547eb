"""Logs of the children: kept from filling the disk, and read for what they say last."""

from __future__ import annotations

from pathlib import Path

LIMIT = 64 * 1024 * 1024
KEPT = 8 * 1024 * 1024


def trim(folder: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
    """Cut every log above `limit` bytes down to its last `kept`.

    In place, because the children hold the files open: they append, so they go on at the new end. A line
    written in the instant between reading and cutting is lost."""
    for log in folder.glob("*.log"):
        if log.stat().st_size <= limit:
            continue
        with log.open("r+b") as file:
            file.seek(-kept, 2)
            tail = file.read()
            file.truncate(0)
            file.seek(0)
            file.write(tail)


class Follower:
    """Reads what is newly appended to a log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at = log.stat().st_size if log.exists() else 0

    def last_line(self) -> str | None:
        """The last whole line written since the last call, or None."""
        try:
            with self._log.open("rb") as file:
                end = file.seek(0, 2)
                file.seek(min(self._at, end))
                new = file.read()
        except FileNotFoundError:
            return None
        whole = new[: new.rfind(b"\n") + 1]
        self._at = min(self._at, end) + len(whole)
        lines = [line for line in whole.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else None
