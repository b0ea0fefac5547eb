"""The supervisor's small parts, each at its edge."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.cli import COMMANDS
from service.embedded import logs, watch
from service.embedded.files import write_private
from service.embedded.home import Account, first_closed_folder
from service.embedded.ports import remembered_port
from service.embedded.programs import Program, Running
from service.embedded.terminal import Terminal
from service.embedded.watch import Watched
from tests.embedded.instance import wait_until

STRANGER = Account("stranger", 54321, 54321)


def script(tmp_path: Path, code: str, **options: object) -> Program:
    return Program(
        name="script",
        argv=(sys.executable, "-c", code),
        environ=os.environ,
        log=tmp_path / "script.log",
        **options,  # type: ignore[arg-type]
    )


def test_private_file_is_whole_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_private(file, "one")
    with pytest.raises(UnicodeEncodeError):
        write_private(file, "two \ud800")
    assert file.read_text() == "one"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_first_closed_folder_reads_the_bits_that_concern_the_account(open_folder: Path) -> None:
    inner = open_folder / "a" / "b"
    inner.mkdir(parents=True)
    (open_folder / "a").chmod(0o711)
    inner.chmod(0o755)
    assert first_closed_folder(inner / "not yet", STRANGER) is None
    (open_folder / "a").chmod(0o770)
    assert first_closed_folder(inner, STRANGER) == open_folder / "a"
    owner = Account("owner", os.getuid(), os.getgid())
    assert first_closed_folder(inner, owner) is None


def test_port_is_remembered_until_somebody_takes_it(tmp_path: Path) -> None:
    first = remembered_port(tmp_path)
    assert remembered_port(tmp_path) == first
    code = (
        "import socket, sys\n"
        f"taken = socket.create_server(('127.0.0.1', {first}))\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        second = remembered_port(tmp_path)
        assert second != first
        other.communicate()
    assert remembered_port(tmp_path) == second


def test_long_log_keeps_its_end(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_bytes(b"old\n" * 1000 + b"new\n")
    with log.open("ab") as child:
        logs.trim(tmp_path, limit=2000, kept=100)
        child.write(b"newest\n")
    assert log.read_bytes().endswith(b"new\nnewest\n")
    assert log.stat().st_size == 107


def test_follower_tells_whole_new_lines(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    log.write_text("before\n")
    follower = logs.Follower(log)
    assert follower.last_line() is None
    with log.open("a") as file:
        file.write("one\ntwo\nhal")
        file.flush()
        assert follower.last_line() == "two"
        assert follower.last_line() is None
        file.write("f\n")
    assert follower.last_line() == "half"


def test_progress_moves_on_a_terminal_and_makes_lines_elsewhere() -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    for out, expected in (
        (io.StringIO(), "loading 1\nloading 2\ndone\n"),
        (Screen(), "\rloading 1\rloading 2\ndone\n"),
    ):
        terminal = Terminal(out)
        for line in ("loading 1", "loading 1", "loading 2"):
            terminal.progress(line)
        terminal.say("done")
        assert out.getvalue() == expected


def test_closed_output_stops_nothing() -> None:
    out = io.StringIO()
    out.close()

    class Closed:
        def isatty(self) -> bool:
            return False

        def write(self, _text: str) -> int:
            raise BrokenPipeError

    Terminal(Closed()).say("heard by nobody")  # type: ignore[arg-type]


def test_crash_is_followed_by_ever_later_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FIRST_DELAY", 0.05)
    watched = Watched(script(tmp_path, "raise SystemExit(3)"))
    told: list[str] = []

    def three_crashes() -> bool:
        told.extend(filter(None, [watched.check()]))
        return sum("exit code 3" in line for line in told) == 3

    wait_until("three crashes", three_crashes)
    waits = [line.partition("again in ")[2].partition(" s")[0] for line in told if "again in" in line]
    assert waits == ["0.05", "0.1", "0.2"]


def test_once_is_given_up_after_some_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FIRST_DELAY", 0.001)
    watched = Watched(script(tmp_path, "raise SystemExit(1)", once=True))
    told: list[str] = []

    def done() -> bool:
        told.extend(filter(None, [watched.check()]))
        return watched.done

    wait_until("it is given up", done)
    assert "5th time and is given up" in told[-1]


def test_full_disk_is_named_as_the_reason(tmp_path: Path) -> None:
    watched = Watched(script(tmp_path, "raise OSError(28, 'No space left on device')"))
    watched.check()
    told: list[str] = []

    def ended() -> bool:
        told.extend(filter(None, [watched.check()]))
        return bool(told)

    wait_until("it ended", ended)
    assert "because the disk is full" in told[0]


def test_stop_is_for_the_leader_alone_and_stragglers_are_killed(tmp_path: Path) -> None:
    # The child tells whether it got the signal too; the leader leaves it behind.
    code = (
        "import os,signal,sys,time\n"
        "if os.fork():\n"
        "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "    print('ready', flush=True)\n"
        "else:\n"
        "    signal.signal(signal.SIGTERM, lambda *_: print('child was told', flush=True))\n"
        "    print('child', os.getpid(), flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    running = Running(script(tmp_path, code))
    wait_until("both run", lambda: {"ready", "child"} <= set(running.log_tail().split()))
    child = int(running.log_tail().split("child ")[1].split()[0])
    running.stop()
    assert running.exit_code() == 0
    assert "told" not in running.log_tail()
    stat = Path(f"/proc/{child}/stat")
    wait_until("the straggler is gone", lambda: not stat.exists() or ") Z" in stat.read_text())


def test_unwilling_program_is_killed(tmp_path: Path) -> None:
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    running = Running(script(tmp_path, code, stop_within=0.2))
    wait_until("it runs", lambda: "ready" in running.log_tail())
    began = time.monotonic()
    running.stop()
    assert running.exit_code() == -signal.SIGKILL
    assert time.monotonic() - began < 5


def test_overview_of_commands_loads_none_of_them() -> None:
    code = (
        "import sys\n"
        "from service.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print('modules', *sys.modules)\n"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = output.rpartition("modules ")[2].split()
    for name in COMMANDS:
        assert f"  {name} " in output
    assert "flask" not in loaded
    assert "psycopg" not in loaded
