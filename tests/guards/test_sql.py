"""Every named statement is used by the module beside it, and PostgreSQL can plan every one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from service.storage.sql import load
from tests.api.helpers import Installation

STORAGE = Path(__file__).parents[2] / "service" / "storage"
FILES = sorted(STORAGE.glob("*.sql"))
# The driver sends these with their types, without which an arithmetic of instants is ambiguous.
_TYPES = {"now": "::timestamptz", "patience": "::interval"}
_NAMED = re.compile(r"^-- name: (\w+)", re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_statement_is_used_by_its_module(file: Path) -> None:
    module = file.with_suffix(".py").read_text(encoding="utf-8")
    names = _NAMED.findall(file.read_text(encoding="utf-8"))
    assert names
    assert [name for name in names if not re.search(rf"""["']{name}["']""", module)] == []
    asked = set(re.findall(r"""_SQL\[["'](\w+)["']\]""", module))
    assert asked <= set(names), "a statement that does not exist"


def test_every_module_that_loads_statements_has_them() -> None:
    loading = {path.stem for path in STORAGE.glob("*.py") if "= load(__file__)" in path.read_text()}
    assert loading == {file.stem for file in FILES}


def test_statements_stand_in_files_alone() -> None:
    """SQL between lines of Python escapes the linter and this test."""
    inline = re.compile(r"""execute\(\s*f?["']+\s*(select|insert|update|delete|with)\b""", re.IGNORECASE)
    rooms = ("use_cases", "api", "policy", "reports")
    for room in rooms:
        for path in (STORAGE.parent / room).rglob("*.py"):
            if path.name != "health.py":
                assert not inline.search(path.read_text(encoding="utf-8")), path


@pytest.fixture(scope="module")
def connection(there: Installation) -> Iterator[psycopg.Connection]:
    """A connection of the service's own kind to a database with every migration."""
    with there.services.database.connection() as found:
        yield found


def plannable(statement: str) -> str:
    """The statement with PostgreSQL's own parameters. COPY cannot be prepared, its columns can."""
    copy = re.fullmatch(r"copy ([\w.]+) \(([^)]*)\) from stdin \(format binary\)", statement, re.DOTALL)
    if copy:
        return f"select {copy[2]} from {copy[1]}"
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        # A parameter without a name is a new one each time.
        name = match[1] or f"at {match.start()}"
        return f"${numbers.setdefault(name, len(numbers) + 1)}{_TYPES.get(name, '')}"

    return re.sub(r"%(?:\((\w+)\))?[sbt]", number, statement)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_postgresql_can_plan_every_statement(file: Path, connection: psycopg.Connection) -> None:
    """Names, types and columns are right, also in a statement that no test happens to run."""
    for name, statement in load(str(file.with_suffix(".py"))).items():
        text = f"prepare planned as {plannable(statement.decode())}"
        try:
            connection.execute(text.encode())
        except psycopg.Error as error:
            pytest.fail(f"{file.name}, {name}: {error}")
        connection.execute("deallocate planned")
