"""Starting, stopping, crashing and starting again, with real servers and real processes."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
import urllib.request

import psycopg
import pytest

from service.config import Config
from service.errors import ConfigError
from tests.embedded.conftest import Launch
from tests.embedded.instance import Instance, wait_until


def running_config(instance: Instance) -> Config:
    return Config.for_running_instance({"SAMTYCKE_HOME": str(instance.home)})


def remember(instance: Instance, text: str) -> None:
    url = running_config(instance).database_url
    assert url
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists memory (said text)")
        connection.execute("insert into memory values (%s)", [text])


def remembered(instance: Instance) -> list[str]:
    url = running_config(instance).database_url
    assert url
    with psycopg.connect(url) as connection:
        return [text for (text,) in connection.execute("select said from memory").fetchall()]


def answers(instance: Instance) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{instance.port}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stop_leaves_no_process(launch: Launch, number: signal.Signals) -> None:
    instance = launch().start().await_answer()
    instance.await_line("demo finished")
    lines = " ".join(instance.processes().values())
    for part in ("postgres", "valkey", "granian", "worker", "beat"):
        assert part in lines
    assert instance.end(number) == 0
    instance.assert_nothing_left(patience=2)
    assert "stopped" in instance.output


def test_stop_during_the_start_leaves_no_process_and_a_startable_folder(launch: Launch) -> None:
    instance = launch().start()
    instance.await_line("setting up")
    time.sleep(0.2)
    assert instance.end() == 0
    instance.assert_nothing_left(patience=2)
    instance.start().await_answer()


def test_second_start_keeps_the_data(launch: Launch) -> None:
    instance = launch().start().await_answer()
    first = running_config(instance)
    remember(instance, "kept")
    instance.end()
    instance.start().await_answer()
    assert remembered(instance) == ["kept"]
    assert running_config(instance) == first


def test_start_after_kill_of_everything_recovers(launch: Launch) -> None:
    instance = launch().start().await_answer()
    remember(instance, "kept")
    instance.kill_everything()
    instance.start().await_answer()
    assert remembered(instance) == ["kept"]


def test_kill_of_the_supervisor_ends_its_children_and_a_start_at_once_recovers(launch: Launch) -> None:
    instance = launch().start().await_answer()
    instance.await_line("demo finished")
    remember(instance, "kept")
    assert instance.process is not None
    instance.process.kill()
    instance.process.wait()
    instance.start().await_answer()
    assert remembered(instance) == ["kept"]
    assert instance.process is not None
    instance.process.kill()
    instance.process.wait()
    instance.assert_nothing_left(patience=10)


@pytest.mark.parametrize("part", ["granian", "celery_app worker", "postgres -D", "valkey-server"])
def test_crashed_child_is_started_again(launch: Launch, part: str) -> None:
    part = part.replace("celery_app", "tests.embedded.stand_ins:tasks")
    instance = launch().start().await_answer()
    wait_until("the worker runs", lambda: "stand_ins:tasks worker" in " ".join(instance.processes().values()))
    before = instance.pid_of(part)
    os.kill(before, signal.SIGKILL)
    instance.await_line("ended by itself (SIGKILL)")
    instance.await_line("started again")
    wait_until("another process took its place", lambda: instance.pid_of(part) != before)
    wait_until("it answers", lambda: answers(instance))
    instance.end()
    instance.assert_nothing_left(patience=2)


def test_children_of_a_killed_leader_go_with_it(launch: Launch) -> None:
    instance = launch().start().await_answer()
    leader = instance.pid_of("granian")
    wait_until("it has forked", lambda: sum("granian" in line for line in instance.processes().values()) > 1)
    forked = [pid for pid, line in instance.processes().items() if "granian" in line and pid != leader]
    os.kill(leader, signal.SIGKILL)
    wait_until("they are gone", lambda: not set(forked) & set(instance.processes()))


def test_demo_progress_is_shown(launch: Launch) -> None:
    instance = launch().start().await_answer()
    instance.await_line("demo: 3 of 3 customers")
    instance.await_line("demo finished")


def test_notes_and_passwords_are_for_their_owner_alone(launch: Launch) -> None:
    instance = launch().start().await_answer()
    for name in ("run.json", "lock", "postgres/password", "valkey/valkey.conf"):
        assert stat.S_IMODE((instance.home / name).stat().st_mode) == 0o600, name
    for name in ("postgres", "postgres/data", "valkey", "logs"):
        assert stat.S_IMODE((instance.home / name).stat().st_mode) == 0o700, name
    secrets = json.loads((instance.home / "run.json").read_text())["environ"]
    password = secrets["SAMTYCKE_DATABASE_URL"].split(":")[2].split("@")[0]
    assert not any(password in line for line in instance.processes().values())
    instance.end()
    assert not (instance.home / "run.json").exists()
    with pytest.raises(ConfigError, match="nothing runs on"):
        running_config(instance)


def test_wrong_password_and_other_addresses_are_refused(launch: Launch) -> None:
    instance = launch().start().await_answer()
    url = running_config(instance).database_url
    assert url
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace("samtycke:", "samtycke:x", 1))
    assert not list((instance.home / "postgres" / "data").glob(".s.PGSQL*"))


def test_given_servers_are_used_instead(launch: Launch, database: str, broker_url: str) -> None:
    environ = {"SAMTYCKE_DATABASE_URL": database, "SAMTYCKE_BROKER_URL": broker_url}
    instance = launch(environ=environ).start().await_answer()
    lines = " ".join(instance.processes().values())
    assert "postgres -D" not in lines
    assert "valkey-server" not in lines
    assert running_config(instance).database_url == database
    instance.end()
    instance.assert_nothing_left(patience=2)
