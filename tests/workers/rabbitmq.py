"""A RabbitMQ of the test's own, from Debian's package: its own node, folder and ports, on loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import amqp

from tests.workers.waiting import wait_for

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def is_installed() -> bool:
    return PROGRAM.exists() and shutil.which("erl") is not None


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """The address of a broker that lives as long as the block."""
    port, distribution, names = _free_port(), _free_port(), _free_port()
    (folder / "enabled_plugins").write_text("[].\n")
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\nlog.console = true\n")
    environ = os.environ | {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"samtycke{secrets.token_hex(4)}@localhost",
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # A node that is told its port needs no name server; the scripts around it start one all the same.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-start_epmd false -erl_epmd_port {distribution} -kernel"
        " inet_dist_use_interface {127,0,0,1}",
    }
    with (folder / "rabbitmq.log").open("ab") as log:
        process = subprocess.Popen([PROGRAM], env=environ, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        wait_for(lambda: _answers(port) or process.poll() is not None, within=60)
        assert process.poll() is None, (folder / "rabbitmq.log").read_text()[-2000:]
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        process.terminate()
        process.wait(30)
        subprocess.run(["epmd", "-port", str(names), "-kill"], capture_output=True, check=False)


def _answers(port: int) -> bool:
    try:
        with amqp.Connection(f"127.0.0.1:{port}", connect_timeout=2):
            return True
    except (OSError, amqp.AMQPError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
