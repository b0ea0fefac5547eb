"""Dying with the parent: a process that lost its supervisor must not live on holding ports and tasks.

Linux alone offers this (PR_SET_PDEATHSIG); elsewhere these are no-ops, and a kill -9 of the supervisor
leaves the children to be ended by hand."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def tie_to_parent(on_death: signal.Signals) -> Callable[[], None]:
    """A function to run in a forked child before it becomes its program: the kernel will send it `on_death`
    when this process dies.

    The tie belongs to the *thread* that forks, so fork from the main thread. It is lost when the child
    changes its user, so change that first."""
    parent = os.getpid()
    prctl = _prctl()

    def tie() -> None:
        if prctl is None:
            return
        prctl(PR_SET_PDEATHSIG, int(on_death), 0, 0, 0)
        # The parent may have died between the fork and the call: then no signal will ever come.
        if os.getppid() != parent:
            os._exit(1)

    return tie


def die_with_parent(on_death: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to end this process when its parent dies. Web and task servers call it in each
    process they fork, because a killed leader cannot tell them."""
    prctl = _prctl()
    if prctl is None:
        return
    parent = os.getppid()
    prctl(PR_SET_PDEATHSIG, int(on_death), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), on_death)


def _prctl() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    # Looked up before the fork: loading a library in a forked child is not safe.
    function: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    return function
