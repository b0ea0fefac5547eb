"""Keeping a program running: what happens after its end, and when."""

from __future__ import annotations

import signal
import time

from service.embedded.errors import FULL_DISK_TEXTS
from service.embedded.programs import Program, Running

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
# One that ran this long was well: its next crash counts as its first.
WELL_AFTER = 60.0
ONCE_TRIES = 5


class Watched:
    """A program that is started again after a crash, later each time. `check` moves it on."""

    def __init__(self, program: Program, running: Running | None = None) -> None:
        self.program = program
        self.done = False
        self._crashes = 0
        self._due = 0.0
        self.running = running

    def check(self) -> str | None:
        """Notice an end, start again what is due, and tell what happened, if anything did. OSError when the
        program cannot be started at all."""
        if self.done:
            return None
        if self.running is None:
            if time.monotonic() < self._due:
                return None
            self.running = Running(self.program)
            return f"{self.program.name} started again" if self._crashes else None
        code = self.running.exit_code()
        if code is None:
            return None
        return self._ended(self.running, code)

    def _ended(self, running: Running, code: int) -> str:
        name = self.program.name
        if self.program.once and code == 0:
            self.done = True
            return f"{name} finished"
        if time.monotonic() - running.started_at > WELL_AFTER:
            self._crashes = 0
        self._crashes += 1
        self.running = None
        why = f"{name} ended by itself ({_reason(code)})"
        if any(text in running.log_tail() for text in FULL_DISK_TEXTS):
            why += ", because the disk is full"
        if self.program.once and self._crashes >= ONCE_TRIES:
            self.done = True
            return f"{why} for the {self._crashes}th time and is given up; see {self.program.log}"
        delay = min(FIRST_DELAY * 2 ** (self._crashes - 1), LONGEST_DELAY)
        self._due = time.monotonic() + delay
        return f"{why}; starting it again in {delay:g} s; see {self.program.log}"


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
