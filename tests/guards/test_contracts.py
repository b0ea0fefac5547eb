"""The layers and the migrations keep their rules: the linters run with the tests, not beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent


def run(*command: str) -> None:
    if not (BIN / command[0]).exists():
        pytest.skip(f"{command[0]} is not installed beside this Python")
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=HERE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_imports_against_the_direction() -> None:
    run("lint-imports", "--no-cache")


def test_migrations_hold_no_statement_that_locks_or_breaks() -> None:
    migrations = sorted(str(path.relative_to(HERE)) for path in (HERE / "migrations").glob("*.sql"))
    assert migrations
    run("squawk", "--config", "deploy/squawk.toml", *migrations)
