"""What keeps `samtycke run` from starting: one clear sentence each, and nothing damaged."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.conftest import Launch
from tests.embedded.instance import SAMTYCKE, Instance

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_taken_port_is_an_error_before_anything_starts(launch: Launch) -> None:
    instance = launch(SAMTYCKE)
    with socket.create_server(("127.0.0.1", instance.port)):
        assert f"port {instance.port} on 127.0.0.1 is taken" in instance.fails()
    assert not (instance.home / "postgres").exists()
    instance.assert_nothing_left()


def test_second_copy_on_the_same_folder_is_an_error_and_the_first_goes_on(launch: Launch) -> None:
    first = launch().start().await_answer()
    second = Instance(first.home, SAMTYCKE)
    assert f"another samtycke already runs on {first.home}" in second.fails()
    assert first.process is not None
    assert first.process.poll() is None
    assert (first.home / "run.json").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAMTYCKE_PORT", "http"),
        ("SAMTYCKE_PORT", "70000"),
        ("SAMTYCKE_WEB_WORKERS", "0"),
        ("SAMTYCKE_DATABASE_URL", "mysql://here"),
        ("SAMTYCKE_BROKER_URL", "localhost:6379"),
        ("SAMTYCKE_DEMO", "perhaps"),
    ],
)
def test_bad_value_names_its_variable(launch: Launch, name: str, value: str) -> None:
    instance = launch(SAMTYCKE, environ={name: value})
    assert instance.fails().startswith(f"{name}")
    assert not instance.home.exists()


def test_folder_that_is_a_file_is_an_error(launch: Launch, open_folder: Path) -> None:
    file = open_folder / "file"
    file.write_text("")
    assert str(file) in launch(SAMTYCKE, home=file).fails()


def test_unreachable_database_is_an_error_without_its_password(launch: Launch) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/nothing"
    message = launch(SAMTYCKE, environ={"SAMTYCKE_DATABASE_URL": url}).fails()
    assert "the database cannot be reached" in message
    assert "secret" not in message


@AS_ROOT
def test_folder_that_the_database_account_cannot_enter_is_an_error(launch: Launch, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    message = launch(SAMTYCKE, home=closed / "home").fails()
    assert f"cannot enter {closed}" in message
    assert closed.stat().st_mode & 0o777 == 0o700


@AS_ROOT
def test_default_folder_moves_where_the_database_account_can_go(open_folder: Path) -> None:
    clone = open_folder / "closed" / "clone"
    clone.mkdir(parents=True)
    (open_folder / "closed").chmod(0o700)
    code = "import os; from service.config import Config; print(Config.from_environ(os.environ).home)"
    command = [str(Path(SAMTYCKE[0]).with_name("python")), "-c", code]
    home = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout.strip()
    assert home.startswith("/var/lib/samtycke/clone-")
    (open_folder / "closed").chmod(0o711)
    home = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout.strip()
    assert home == str(clone / ".samtycke")


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A folder on a disk of its own, whose size the test sets."""
    folder = open_folder / "disk"
    folder.mkdir(mode=0o711)
    mount = ["mount", "-t", "tmpfs", "-o", "size=55m,mode=0711", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


# Too little for its files, for its database, for the tables in it.
@pytest.mark.parametrize("megabytes", [10, 38, 40])
def test_full_disk_is_an_error_and_the_folder_starts_once_there_is_room(
    launch: Launch, small_disk: Path, megabytes: int
) -> None:
    def resize(size: int) -> None:
        options = f"remount,size={size}m"
        subprocess.run(["mount", "-o", options, str(small_disk)], check=True)

    resize(megabytes)
    instance = launch(home=small_disk / "home")
    assert "is full" in instance.fails()
    instance.assert_nothing_left()
    resize(300)
    instance.start().await_answer()
    instance.end()
    instance.assert_nothing_left()
