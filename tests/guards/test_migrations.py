"""Migrations pass the SQL linter and follow each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from service.storage.migrate import known_migrations

ROOT = Path(__file__).parents[2]
SQUAWK = Path(sys.executable).parent / "squawk"


def lint(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [str(SQUAWK), "--config", str(ROOT / "deploy" / "squawk.toml"), *map(str, files)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_linter_finds_nothing() -> None:
    run = lint(*sorted((ROOT / "migrations").glob("*.sql")))
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_linter_would_find_something(tmp_path: Path) -> None:
    bad = tmp_path / "bad.sql"
    bad.write_text("alter table subjects drop column epoch;")
    assert lint(bad).returncode != 0


def test_numbers_follow_each_other() -> None:
    numbers = [migration.number for migration in known_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
