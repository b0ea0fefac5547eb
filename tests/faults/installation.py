"""One real installation in an empty folder: `samtycke run`, with a database and a broker behind wires that
can be cut, and the receiver stand-in. Every process in it was started here; only those are ever signalled."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import amqp
import redis

from service.config import Config
from service.embedded.postgres import Postgres
from service.embedded.programs import Running
from service.embedded.valkey import Valkey
from tests.embedded.instance import SAMTYCKE, Instance, wait_until
from tests.faults.clients import LEASE, RELAY, Api, free_port, register_receiver
from tests.faults.proxy import Wire
from tests.faults.workload import GOODS
from tests.workers.rabbitmq import rabbitmq

POLICY = Path(__file__).with_name("policy.json")
ROOT = Path(__file__).parents[2]
# What to look for in the command lines of the installation's own processes.
PARTS = {
    "web": "granian",
    "worker": "workers.celery_app worker",
    "beat": "workers.celery_app beat",
    "relay": RELAY,
}


@dataclass
class Server:
    """A server of the run's own, started again when it ends, as the supervisor does."""

    made: Postgres | Valkey
    running: Running | None = None
    due: float = 0.0

    def tend(self) -> None:
        """Call it from the main thread, often: the kernel ties the server to the thread that starts it."""
        if self.running is not None and self.running.exit_code() is not None:
            self.running, self.due = None, time.monotonic() + 0.5
        if self.running is None and time.monotonic() >= self.due:
            self.made.prepare()
            self.running = Running(self.made.program)

    @property
    def pid(self) -> int | None:
        return None if self.running is None or self.running.exit_code() is not None else self.running.pid

    def stop(self) -> None:
        if self.running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.running.pid, signal.SIGCONT)
            self.running.stop()


@dataclass
class Installation:
    """What faults are injected into. `broker` is None where the broker is RabbitMQ."""

    home: Path
    config: Config
    instance: Instance
    database: Server
    broker: Server | None
    database_wire: Wire
    broker_wire: Wire
    broker_url: str
    receiver_wire: Wire | None
    receipts: Path
    frozen: set[int] = field(default_factory=set)

    def tend(self) -> None:
        self.database.tend()
        if self.broker is not None:
            self.broker.tend()

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.tend()
            time.sleep(min(0.1, left))

    def pids(self, part: str) -> list[int]:
        """The processes of one part, its leader first."""
        return sorted(pid for pid, line in self.instance.processes().items() if PARTS[part] in line)

    def send(self, pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if number is signal.SIGSTOP:
            self.frozen.add(pid)
        elif number is signal.SIGCONT:
            self.frozen.discard(pid)

    def forget_messages(self) -> None:
        """The broker loses everything it holds."""
        if self.broker is None:
            url = urlsplit(self.broker_url)
            with amqp.Connection(f"{url.hostname}:{url.port}", connect_timeout=5) as connection:
                channel = connection.channel()
                for queue in ("bulk", "upkeep"):
                    channel.queue_purge(queue)
            return
        with redis.Redis.from_url(self.broker_url, socket_timeout=2) as client:
            client.flushall()

    def heal(self) -> None:
        for pid in [*self.frozen]:
            self.send(pid, signal.SIGCONT)
        for wire in (self.database_wire, self.broker_wire, self.receiver_wire):
            if wire is not None:
                wire.mend()

    def await_ready(self, patience: float = 90.0) -> None:
        """Until every part runs and says that it can reach the others."""
        api = Api(self.config)

        def ready() -> bool:
            self.tend()
            return all(self.pids(part) for part in ("web", "worker", "beat")) and api.ready()

        wait_until("the installation is whole again", ready, patience)


@contextmanager
def installation(
    folder: Path, broker: str = "valkey", web_workers: int = 2, switch: str | None = None
) -> Iterator[Installation]:
    """An installation that lives as long as the block; `folder` is empty and PostgreSQL's account may enter
    it. `switch` names a fault of the product itself (tests/faults/broken)."""
    home = folder / "home"
    home.mkdir(mode=0o711)
    database = Server(Postgres(folder, folder / "postgres.log"))
    valkey = Server(Valkey(folder / "valkey", folder / "valkey.log")) if broker == "valkey" else None
    wires: list[Wire] = []
    receiver = None
    instance = None
    elsewhere: AbstractContextManager[str] | None = None
    try:
        database.tend()
        _await_server(database)
        if valkey is not None:
            valkey.tend()
            _await_server(valkey)
            broker_url = valkey.made.url()
        else:
            (folder / "rabbitmq").mkdir()
            elsewhere = rabbitmq(folder / "rabbitmq")
            broker_url = elsewhere.__enter__()
        database_url = database.made.url()
        for url in (database_url, broker_url):
            parts = urlsplit(url)
            wires.append(Wire(parts.hostname or "", parts.port or 0))
        environ = {
            "SAMTYCKE_DATABASE_URL": _through(database_url, wires[0]),
            "SAMTYCKE_BROKER_URL": _through(broker_url, wires[1]),
            "SAMTYCKE_WEB_WORKERS": str(web_workers),
            "SAMTYCKE_DEMO": "off",
            "SAMTYCKE_WEBHOOK_ALLOW": "127.0.0.1",
            **_broken_environ(switch),
        }
        receipts = folder / "receipts.jsonl"
        receiver = _receiver(receipts)
        if receiver is not None:
            wires.append(Wire("127.0.0.1", receiver[1]))
        instance = Instance(home, SAMTYCKE, environ).start()
        _settle(instance, database, valkey)
        running = {**os.environ, **environ, "SAMTYCKE_HOME": str(home), "SAMTYCKE_PORT": str(instance.port)}
        config = Config.from_environ(running)
        made = Installation(
            home=home,
            config=config,
            instance=instance,
            database=database,
            broker=valkey,
            database_wire=wires[0],
            broker_wire=wires[1],
            broker_url=broker_url,
            receiver_wire=wires[2] if receiver is not None else None,
            receipts=receipts,
        )
        _publish(running)
        made.await_ready()
        api = Api(config)
        _put_goods(api)
        if made.receiver_wire is not None and not register_receiver(api, made.receiver_wire.port):
            made.receiver_wire = None
        yield made
        made.heal()
        # What is still up is asked to stop, so that its way down is exercised too.
        instance.end()
    finally:
        if instance is not None:
            instance.kill_everything()
        if receiver is not None:
            receiver[0].kill()
            receiver[0].wait()
        for wire in wires:
            wire.close()
        for server in (valkey, database):
            if server is not None:
                server.stop()
        if elsewhere is not None:
            elsewhere.__exit__(None, None, None)


def _broken_environ(switch: str | None) -> dict[str, str]:
    """What makes every Python process of an installation load tests/faults/broken: a shorter lease, and what
    is broken on purpose, if anything."""
    path = f"{ROOT / 'tests' / 'faults' / 'broken'}:{ROOT}"
    broken = {} if switch is None else {"FAULTS_SWITCH": switch}
    return {"PYTHONPATH": path, "FAULTS_LEASE": str(LEASE), **broken}


def _await_server(server: Server) -> None:
    def ready() -> bool:
        server.tend()
        return server.made.is_ready()

    wait_until("a server answers", ready)


def _settle(instance: Instance, *servers: Server | None) -> None:
    def answers() -> bool:
        for server in servers:
            if server is not None:
                server.tend()
        assert instance.process is not None
        assert instance.process.poll() is None, instance.output
        return "answers after" in instance.output

    wait_until("the service answers", answers, 90)


def _through(url: str, wire: Wire) -> str:
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{credentials}@127.0.0.1:{wire.port}").geturl()


def _receiver(log: Path) -> tuple[subprocess.Popen[bytes], int] | None:
    """The stand-in for whoever is sent to; None where there is none yet."""
    if not (ROOT / "tests" / "receiver.py").exists():
        return None
    port = free_port()
    command = [sys.executable, "-m", "tests.faults.sink", "--port", str(port), "--log", str(log)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}), port


def _publish(environ: Mapping[str, str]) -> None:
    command = [SAMTYCKE[0], "policy", "publish", str(POLICY)]
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _put_goods(api: Api) -> None:
    good = {
        "category": "beauty",
        "pack_size": 30,
        "usual_per_day": 1,
        "price_minor": 1000,
        "currency": "SEK",
    }
    for sku in GOODS:
        answer = api.call("PUT", f"/v1/products/{sku}", {"name": sku, **good}, role="shop")
        assert answer.done, answer


def empty_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
