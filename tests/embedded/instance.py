"""A real start of the service in a folder of its own, as a person at the terminal and the kernel see it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SAMTYCKE = (str(Path(sys.executable).with_name("samtycke")), "run")
STAND_INS = (sys.executable, "-m", "tests.embedded.stand_ins")
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    until = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < until, f"waited in vain for: {what}"
        time.sleep(0.02)


class Instance:
    """`command` started on `home`. Its children have sessions of their own, so they are found by what ties
    them to the folder: their working directory, command line or environment."""

    def __init__(
        self, home: Path, command: Sequence[str] = STAND_INS, environ: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self.port = free_port()
        self._command = command
        self._environ = {
            **os.environ,
            "SAMTYCKE_HOME": str(home),
            "SAMTYCKE_PORT": str(self.port),
            "SAMTYCKE_WEB_WORKERS": "1",
            "SAMTYCKE_WORKER_CONCURRENCY": "1",
            **(environ or {}),
        }
        self._output = home.parent / f"{home.name}-{self.port}.output"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        return self._output.read_text()

    def start(self) -> Instance:
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                self._command, env=self._environ, stdout=output, stderr=output, start_new_session=True
            )
        return self

    def await_answer(self) -> Instance:
        self.await_line("answers after")
        return self

    def await_line(self, text: str, patience: float = PATIENCE) -> None:
        def said() -> bool:
            assert self.process is not None
            if text in self.output:
                return True
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output}"
            return False

        wait_until(f"{text!r} in the output", said, patience)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        assert self.process is not None
        # To the whole foreground group, as a terminal's Ctrl-C.
        os.killpg(self.process.pid, number)
        return self.process.wait(PATIENCE)

    def kill_everything(self) -> None:
        """kill -9 of every process, in no order; some end by themselves when another is gone."""
        while found := self.processes():
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def fails(self) -> str:
        """Start, expect a refusal in one clear sentence, and return it."""
        self.start()
        assert self.process is not None
        assert self.process.wait(PATIENCE) == 1, self.output
        assert "Traceback" not in self.output
        assert "Error: " in self.output
        return self.output.partition("Error: ")[2]

    def processes(self) -> dict[int, str]:
        """Every living process of this folder, with its command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                if entry.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    continue
                line = entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
                environ = entry.joinpath("environ").read_bytes()
                cwd = entry.joinpath("cwd").readlink()
                named = f"SAMTYCKE_HOME={self.home}\0".encode() in environ + b"\0"
                if named or str(self.home) in line or cwd.is_relative_to(self.home):
                    found[int(entry.name)] = line
        return found

    def pid_of(self, text: str) -> int:
        """The leader among the processes whose command line contains `text`: the first that was started."""
        return min(pid for pid, line in self.processes().items() if text in line)

    def assert_nothing_left(self, patience: float = 5.0) -> None:
        wait_until(f"no process left, but {self.processes()}", lambda: not self.processes(), patience)
