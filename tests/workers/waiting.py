"""Waiting for something to become true, with a deadline instead of a hope."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_for(find: Callable[[], Value], within: float = 30.0) -> Value:
    """The first true value of `find`. Fails the test when there is none in time."""
    until = time.monotonic() + within
    while True:
        value = find()
        if value:
            return value
        assert time.monotonic() < until, f"waited {within} seconds for {getattr(find, '__name__', find)}"
        time.sleep(0.02)
