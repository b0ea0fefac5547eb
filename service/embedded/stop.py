"""Requests to stop, noticed at once and carried out in order."""

from __future__ import annotations

import os
import select
import signal
import time
from types import FrameType, TracebackType
from typing import Any

from service.embedded.errors import StopRequested

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `make` and a terminal may both pass on the same Ctrl-C; a second request counts only later than this.
SAME_REQUEST = 1.0


class StopSignals:
    """While entered, SIGINT, SIGTERM and SIGHUP are requests instead of ends. For the main thread."""

    def __init__(self) -> None:
        self._first: float | None = None
        self.impatient = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        # A handler of any kind makes a child's end wake the pause.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._reader)
        os.close(self._writer)

    def check(self) -> None:
        """Raises StopRequested when somebody asked."""
        if self._first is not None:
            raise StopRequested

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than until the next signal. Raises StopRequested."""
        self.check()
        self.rest(seconds)
        self.check()

    def rest(self, seconds: float) -> None:
        """Sleep, but no longer than until the next signal, whatever it is."""
        if select.select([self._reader], [], [], seconds)[0]:
            os.read(self._reader, 4096)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif now - self._first > SAME_REQUEST:
            self.impatient = True
