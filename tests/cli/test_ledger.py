"""`samtycke ledger`: what an operator, a verifier and a witness type."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from service.cli import main
from service.crypto.signed_note import NoteVerifier
from service.use_cases.seal_ledger import seal_ledger
from tests.api.helpers import Installation, installed
from tests.ledger.entries import answer, decide, people
from tests.servers import Servers

Run = Callable[..., Result]


@pytest.fixture
def there(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    with installed(servers, tmp_path / "home") as found:
        for person in people(found, 2):
            answer(found, person)
            decide(found, person)
        seal_ledger(found.services)
        yield found


@pytest.fixture
def run(there: Installation) -> Run:
    """`run("verify", …)`: the command in the installation's environment."""
    environ = there.services.config.as_environ()

    def go(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["ledger", *arguments], env=environ)

    return go


def test_export_and_verify_offline(there: Installation, run: Run, tmp_path: Path) -> None:
    folder = str(tmp_path / "dump")
    exported = run("export", folder)
    assert exported.exit_code == 0, exported.output
    assert exported.output == (
        "4 leaves, 4 nodes, 1 checkpoints, 0 pending, 0 parts, 2 events, 2 decisions, 2 heads\n"
    )
    # Nothing of the installation is at hand: neither database nor keys.
    alone = CliRunner().invoke(
        main, ["ledger", "verify", "--dump", folder], env={"SAMTYCKE_HOME": "/nowhere"}
    )
    assert alone.exit_code == 0, alone.output
    assert alone.output.startswith("OK: 4 entries under 1 checkpoints\n0 commitments opened")
    assert run("export", folder).exit_code == 1
    opened = str(tmp_path / "opened")
    assert run("export", opened, "--openings").exit_code == 0
    assert "4 commitments opened" in run("verify", "--dump", opened).output


def test_verify_names_the_first_bad_entry(there: Installation, run: Run) -> None:
    assert run("verify").output.startswith("OK: 4 entries")
    url = str(there.services.config.database_url)
    with psycopg.connect(url) as superuser:
        superuser.execute("set session_replication_role = replica")
        superuser.execute("update ledger.leaves set commitment = sha256('x') where position = 2")
    found = run("verify", "--database", url)
    assert found.exit_code == 1
    assert "the ledger does not hold: entry 2 is not the one" in found.output


def test_another_key_is_not_trusted(there: Installation, run: Run, tmp_path: Path) -> None:
    own = run("key").output.strip()
    assert str(NoteVerifier.read(own)) == str(there.services.log_key.verifier)
    assert run("verify", "--key", own).exit_code == 0
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert run("verify", "--key", other).exit_code == 1
    assert run("verify", "--key", "nonsense").exit_code == 1


def test_a_witness_beside_the_database(there: Installation, run: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "witness.jsonl")
    assert "4 entries" in run("witness", file).output
    assert run("verify", "--witness", file).exit_code == 0
    with psycopg.connect(str(there.services.config.database_url)) as superuser:
        superuser.execute("set session_replication_role = replica")
        superuser.execute("truncate ledger.leaves, ledger.nodes, ledger.checkpoints")
    emptied = run("witness", file)
    assert emptied.exit_code == 1
    assert "the log is empty, where 4 entries were signed for" in emptied.output
    assert "0 entries" in run("witness", str(tmp_path / "new.jsonl")).output
    found = run("verify", "--witness", file)
    assert found.exit_code == 1
    assert "entry 0 is missing: 4 entries were signed for" in found.output


def test_a_witness_on_another_machine(there: Installation, run: Run, tmp_path: Path) -> None:
    server = make_server("127.0.0.1", 0, there.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        file, key = str(tmp_path / "witness.jsonl"), run("key").output.strip()
        token = there.token.text("dpo")
        asked = ("witness", file, "--url", f"http://127.0.0.1:{server.port}", "--token", token)
        assert run(*asked).exit_code == 1, "it must be told whom to trust"
        assert "4 entries" in run(*asked, "--key", key).output
        answer(there, people(there, 1)[0])
        assert run("seal").output == "1 entries sealed\n"
        assert "5 entries" in run(*asked).output
        refused = run(*asked[:-1], there.token.text("shop"))
        assert refused.exit_code == 1
        assert "answers 403" in refused.output
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "cannot be reached" in run(*asked).output
    assert run("witness", file, "--url", "file:///etc/passwd").exit_code == 1
