"""`samtycke run` as it is shipped, and its parts on their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from service.crypto.keyring import create_key_file
from tests.embedded.conftest import Launch
from tests.embedded.instance import SAMTYCKE, Instance, free_port, wait_until

WITHOUT_DEMO = {"SAMTYCKE_DEMO": "off"}


def get(instance: Instance, path: str, token: str | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{instance.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def samtycke(*arguments: str, environ: dict[str, str]) -> str:
    command = [SAMTYCKE[0], *arguments]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.timeout(240)
def test_first_start_with_demo_data_then_kill_of_everything_then_a_second_start(launch: Launch) -> None:
    instance = launch(SAMTYCKE).start().await_answer()
    instance.await_line("demo: ")
    instance.await_line("demo finished", patience=150)
    wait_until("everything is ready", lambda: get(instance, "/readyz")[0] == 200)
    token = samtycke("token", "--role", "dpo", environ={"SAMTYCKE_HOME": str(instance.home)})
    assert token
    assert "\n" not in token
    status, purposes = get(instance, "/v1/purposes", token)
    assert (status, bool(json.loads(purposes))) == (200, True)
    instance.kill_everything()
    instance.start().await_answer()
    wait_until("everything is ready", lambda: get(instance, "/readyz")[0] == 200)
    assert get(instance, "/v1/purposes", token) == (200, purposes)
    assert instance.end() == 0
    instance.assert_nothing_left(patience=2)


FORKS = ("granian", "workers.celery_app worker")


@pytest.mark.parametrize("part", [*FORKS, "workers.celery_app beat", "service.cli relay"])
def test_killed_leader_takes_its_children_along_and_comes_back(launch: Launch, part: str) -> None:
    instance = launch(SAMTYCKE, environ=WITHOUT_DEMO).start().await_answer()

    def family() -> set[int]:
        return {pid for pid, line in instance.processes().items() if part in line}

    wait_until("the leader has forked", lambda: len(family()) > (1 if part in FORKS else 0))
    before = family()
    os.kill(min(before), signal.SIGKILL)
    wait_until("its children are gone", lambda: not before & set(instance.processes()))
    instance.await_line("started again")
    wait_until("another took its place", lambda: len(family()) >= len(before))
    wait_until("it answers", lambda: get(instance, "/healthz")[0] == 200)
    instance.end()
    instance.assert_nothing_left(patience=2)


def test_kill_of_the_supervisor_ends_everything(launch: Launch) -> None:
    instance = launch(SAMTYCKE, environ=WITHOUT_DEMO).start().await_answer()
    wait_until("the worker has forked", lambda: str(instance.processes()).count("celery_app worker") > 1)
    assert instance.process is not None
    instance.process.kill()
    instance.process.wait()
    instance.assert_nothing_left(patience=10)


@pytest.fixture
def parts_environ(tmp_path: Path, database: str, broker_url: str) -> dict[str, str]:
    """What an installation on many machines sets on each of them."""
    create_key_file(tmp_path / "keys.json")
    return {
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_BROKER_URL": broker_url,
        "SAMTYCKE_KEY_FILE": str(tmp_path / "keys.json"),
    }


@pytest.mark.parametrize("part", ["web", "worker", "beat", "relay"])
def test_part_runs_alone_and_ends_with_its_children(
    launch: Launch, parts_environ: dict[str, str], part: str
) -> None:
    instance = launch((SAMTYCKE[0], part), environ=parts_environ)
    instance.home.mkdir()
    instance.start()
    if part == "web":
        wait_until("it answers", lambda: get(instance, "/healthz")[0] == 200)
        assert b"samtycke_http_requests_total" in get(instance, "/metrics")[1]
    else:
        instance.await_line({"worker": "ready", "beat": "beat", "relay": "relay started"}[part])
    assert instance.process is not None
    instance.process.terminate()
    instance.process.wait(30)
    instance.assert_nothing_left(patience=2)


def test_part_without_servers_says_what_is_missing(tmp_path: Path) -> None:
    environ = {**os.environ, "SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_PORT": str(free_port())}
    done = subprocess.run([SAMTYCKE[0], "web"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: SAMTYCKE_DATABASE_URL must be set")


def test_migrate_brings_a_database_up_to_date_once(empty_database: str, tmp_path: Path) -> None:
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": empty_database,
        "SAMTYCKE_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    assert "0001_create_keys.sql" in samtycke("migrate", environ=environ)
    assert samtycke("migrate", environ=environ) == "nothing to do"
