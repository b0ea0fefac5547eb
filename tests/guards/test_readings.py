"""P11: there is no way to a sealed value but through a Reading, and every sealed table has its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import psycopg

from service.crypto import reading
from service.crypto.reading import Reading

ROOT = Path(__file__).parents[2]
# Who may open one data category: after the policy has agreed, and when two subjects become one.
MAY_NAME_DATA = {"service/use_cases/read_signals.py", "service/storage/merge.py"}
# Who may decrypt at all.
MAY_DECRYPT = {
    # A token that holds no more than an opaque id.
    "service/crypto/unsubscribe_token.py",
    "service/crypto/reorder_link.py",
    "service/crypto/data_key.py",
    "service/crypto/providers/vault.py",
    "service/crypto/providers/aws_kms.py",
}
# Sealed under something else than a data key, or wrapped.
FIXED = [each for each in vars(reading).values() if isinstance(each, Reading)]


def calls() -> Iterator[tuple[str, str]]:
    """File and name of everything that is called in the service and the workers."""
    for room in ("service", "workers"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    called = node.func
                    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                    yield str(path.relative_to(ROOT)), name


def test_readings_are_made_in_one_place() -> None:
    made = {path for path, name in calls() if name == "Reading"}
    assert made == {"service/crypto/reading.py"}
    assert {path for path, name in calls() if name == "of_data"} == MAY_NAME_DATA


def test_nothing_is_decrypted_past_them() -> None:
    assert {path for path, name in calls() if name.startswith("decrypt")} <= MAY_DECRYPT


def test_each_sealed_table_is_read_for_one_purpose(database: str) -> None:
    """A new table with sealed values needs a decision on what they are read for."""
    with psycopg.connect(database) as db:
        sealed = {
            (schema + "." if schema != "public" else "") + table
            for schema, table in db.execute(
                "select table_schema, table_name from information_schema.columns"
                " where column_name in ('sealed', 'wrapped') and table_schema in ('public', 'keys')"
            )
        }
    covered = [table.decode() for each in FIXED for table in each.tables]
    assert sorted(covered) == sorted(sealed - {"signals"})
