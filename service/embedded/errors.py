"""What keeps the self-contained start from starting."""

from __future__ import annotations

import errno
from pathlib import Path

from service.errors import SamtyckeError

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
# What PostgreSQL and Valkey write into their logs then, in the C locale.
FULL_DISK_TEXTS = ("No space left on device", "Disk quota exceeded")


class StartError(SamtyckeError):
    """The service cannot start."""


class AlreadyRunningError(StartError):
    """Another copy runs on this data folder."""


class PortTakenError(StartError):
    """The port is taken."""


class HomeError(StartError):
    """The data folder cannot be used."""


class DiskFullError(StartError):
    """The disk is full."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the disk that holds {folder} is full; nothing is damaged: free some space and start again"
        )


class StopRequested(Exception):  # noqa: N818 (it is not an error: somebody asked for it)
    """The start was interrupted by a request to stop."""


def is_disk_full(error: BaseException) -> bool:
    """Whether this error, or one that led to it, says that the disk is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL_DISK:
            return True
        if any(text in str(seen) for text in FULL_DISK_TEXTS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
