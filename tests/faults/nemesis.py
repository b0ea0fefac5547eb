"""What goes wrong during a run: processes killed or put to sleep, a broker that forgets, wires that are cut.

A fault returns True when it was injected; a part that does not run here (yet) cannot be hurt. Faults are
called from the main thread, which keeps tending the run's own servers while they last.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from random import Random

import amqp
import redis

from tests.faults.clients import LEASE
from tests.faults.installation import Installation, Server
from tests.faults.proxy import Wire

Fault = Callable[[Installation, Random, float], bool]


def _duration(rng: Random, longest: float) -> float:
    """Mostly moments, since many faults find more than a long one; some as long as may be."""
    return longest if rng.random() < 0.2 else rng.uniform(0.2, min(5.0, longest))


def _kill(part: str, *, leader: bool) -> Fault:
    def kill(there: Installation, rng: Random, longest: float) -> bool:
        found = there.pids(part)
        chosen = found[:1] if leader else found[1:]
        if not chosen:
            return False
        there.send(rng.choice(chosen), signal.SIGKILL)
        return True

    return kill


def _freeze(part: str) -> Fault:
    def freeze(there: Installation, rng: Random, longest: float) -> bool:
        found = there.pids(part)
        # A leader that sleeps while its children work is a fault of its own.
        chosen = found if rng.random() < 0.3 else [rng.choice(found)] if found else []
        for pid in chosen:
            there.send(pid, signal.SIGSTOP)
        there.wait(_duration(rng, longest))
        for pid in chosen:
            there.send(pid, signal.SIGCONT)
        return bool(chosen)

    return freeze


def _kill_server(which: Callable[[Installation], Server | None]) -> Fault:
    def kill(there: Installation, rng: Random, longest: float) -> bool:
        server = which(there)
        if server is None or server.pid is None:
            return False
        there.send(server.pid, signal.SIGKILL)
        return True

    return kill


def _freeze_server(which: Callable[[Installation], Server | None]) -> Fault:
    def freeze(there: Installation, rng: Random, longest: float) -> bool:
        server = which(there)
        pid = None if server is None else server.pid
        if pid is None:
            return False
        there.send(pid, signal.SIGSTOP)
        there.wait(_duration(rng, longest))
        there.send(pid, signal.SIGCONT)
        return True

    return freeze


def _forget(there: Installation, rng: Random, longest: float) -> bool:
    try:
        there.forget_messages()
    except (OSError, redis.RedisError, amqp.AMQPError):
        return False
    return True


def _wire(which: Callable[[Installation], Wire | None], harm: Callable[[Wire, Random], None]) -> Fault:
    def hurt(there: Installation, rng: Random, longest: float) -> bool:
        wire = which(there)
        if wire is None:
            return False
        harm(wire, rng)
        there.wait(_duration(rng, longest))
        wire.mend()
        return True

    return hurt


def _asleep_while_sending(there: Installation, rng: Random, longest: float) -> bool:
    relay = there.pids("relay")[:1]
    if there.receiver_wire is None or not relay:
        return False
    there.receiver_wire.slow(1.0)
    there.wait(rng.uniform(0.5, 2.0))
    there.send(relay[0], signal.SIGSTOP)
    there.wait(min(longest, LEASE * 1.2))
    there.receiver_wire.mend()
    there.send(relay[0], signal.SIGCONT)
    return True


FAULTS: dict[str, Fault] = {
    "kill -9 of a web worker": _kill("web", leader=False),
    "kill -9 of the web server": _kill("web", leader=True),
    "kill -9 of a task process": _kill("worker", leader=False),
    "kill -9 of the worker": _kill("worker", leader=True),
    "kill -9 of beat": _kill("beat", leader=True),
    "kill -9 of the relay": _kill("relay", leader=True),
    "kill -9 of the database": _kill_server(lambda there: there.database),
    "kill -9 of the broker": _kill_server(lambda there: there.broker),
    "the broker forgets": _forget,
    "a web process sleeps": _freeze("web"),
    "a worker process sleeps": _freeze("worker"),
    "the relay sleeps": _freeze("relay"),
    "the database's leader sleeps": _freeze_server(lambda there: there.database),
    "the broker sleeps": _freeze_server(lambda there: there.broker),
    "the database is cut off": _wire(lambda there: there.database_wire, lambda wire, _: wire.cut()),
    "the database is out of reach": _wire(lambda there: there.database_wire, lambda wire, _: wire.hold()),
    "the broker is cut off": _wire(lambda there: there.broker_wire, lambda wire, _: wire.cut()),
    "the broker is out of reach": _wire(lambda there: there.broker_wire, lambda wire, _: wire.hold()),
    "the receiver is cut off": _wire(lambda there: there.receiver_wire, lambda wire, _: wire.cut()),
    "the receiver is slow": _wire(
        lambda there: there.receiver_wire, lambda wire, rng: wire.slow(rng.uniform(0.2, 3.0))
    ),
    # The receiver answers late, so the relay is between its claim and its answer for long; then it sleeps.
    "the relay sleeps while it sends": _asleep_while_sending,
}
# What the short form in `make test` injects, in this order.
FEW = (
    "kill -9 of a web worker",
    "kill -9 of the relay",
    "the relay sleeps while it sends",
    "the broker forgets",
    "kill -9 of the database",
    "the broker is cut off",
    "kill -9 of the worker",
    "the database is cut off",
)


def inject(name: str, there: Installation, rng: Random, longest: float, counts: Counter[str]) -> None:
    """One fault, counted if it could be injected. `longest`: seconds that its pause may last."""
    if FAULTS[name](there, rng, longest):
        counts[name] += 1
