"""One running instance per data folder: the lock that says so, and the note of how to reach it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from service.embedded.errors import AlreadyRunningError
from service.embedded.files import write_private
from service.errors import ConfigError

LOCK_NAME = "lock"
NOTE_NAME = "run.json"


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Hold the data folder's lock. The kernel lets go of it when the process ends, however it ends, and
    children do not inherit it, so a stale lock cannot exist.

    Raises AlreadyRunningError."""
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A command that asks whether somebody runs here holds the lock for an instant: try more than once.
        for attempt in range(5):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == 4:
                    raise AlreadyRunningError(
                        f"another samtycke already runs on {home}; stop it first,"
                        " or set SAMTYCKE_HOME to another folder"
                    ) from None
                time.sleep(0.05)
        # The note of an instance that was killed names servers that are gone.
        (home / NOTE_NAME).unlink(missing_ok=True)
        yield
        (home / NOTE_NAME).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def write_note(home: Path, environ: Mapping[str, str]) -> None:
    """Note for other commands the variables that lead to this instance. It holds passwords: mode 0600."""
    write_private(home / NOTE_NAME, json.dumps({"pid": os.getpid(), "environ": dict(environ)}, indent=1))


def read_running_instance(home: Path) -> dict[str, str]:
    """The variables that lead to the instance running on `home`.

    Raises ConfigError when nothing runs there, or when the note may not be read."""
    nothing = f"nothing runs on {home}; start it with `make run`, or set SAMTYCKE_HOME to its data folder"
    if not _is_held(home):
        raise ConfigError(nothing)
    try:
        note = json.loads((home / NOTE_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"the instance on {home} is still starting; try again in a moment") from None
    except PermissionError:
        raise ConfigError(f"{home / NOTE_NAME} may not be read: it belongs to another account") from None
    return {str(name): str(value) for name, value in note["environ"].items()}


def _is_held(home: Path) -> bool:
    try:
        descriptor = os.open(home / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:
        raise ConfigError(f"{home / LOCK_NAME} may not be read: it belongs to another account") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
