"""One program as a child process: how it starts, what its end means, how it stops."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service.embedded.home import Account
from service.embedded.parent import tie_to_parent

TAIL_BYTES = 4000


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to run. Times are seconds.

    `stop_signal` goes to the leader alone (Celery's children must finish what they hold); whatever of its
    process group is left after `stop_within` is killed. `orphan_signal` is what the kernel sends to the
    leader when the supervisor dies. A `once` program that ends well is done and is not started again."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 10.0
    orphan_signal: signal.Signals = signal.SIGKILL
    once: bool = False


class Running:
    """A started program. Make and stop it from the main thread (see `tie_to_parent`)."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.started_at = time.monotonic()
        self._log_start = program.log.stat().st_size if program.log.exists() else 0
        account = program.account
        with program.log.open("ab") as log:
            self._process = subprocess.Popen(
                program.argv,
                env=dict(program.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which then
                # stops its children in order, and stragglers can be found by their group.
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=tie_to_parent(program.orphan_signal),  # noqa: PLW1509 (one thread: see tie_to_parent)
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code once it has ended (negative: the signal that ended it), None before that."""
        if self._process.returncode is None and not self._has_ended():
            return None
        return self._reap()

    def send_stop(self) -> None:
        """Ask it to stop, and return at once."""
        if self._process.returncode is None and not self._has_ended():
            os.kill(self.pid, self.program.stop_signal)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after `seconds`."""
        until = time.monotonic() + seconds
        while self.exit_code() is None:
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)
        return True

    def kill(self) -> None:
        """End it and its process group now."""
        if self._process.returncode is None:
            self._kill_group()
            self._reap()

    def stop(self) -> None:
        """Stop it in its own way, or by force when that takes longer than `stop_within`."""
        self.send_stop()
        if not self.wait(self.program.stop_within):
            self.kill()

    def log_tail(self) -> str:
        """The end of what it has logged since this start."""
        try:
            with self.program.log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(min(self._log_start, end), end - TAIL_BYTES))
                return log.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _has_ended(self) -> bool:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None

    def _reap(self) -> int:
        if self._process.returncode is None:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            # Until the leader is reaped nobody else can get its number, so this reaches only its group:
            # the children that a crashed leader left behind.
            self._kill_group()
        return self._process.wait()

    def _kill_group(self) -> None:
        # A group whose only member is the ended leader is no fault; systems differ in what they answer.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
