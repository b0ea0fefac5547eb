"""Due reorders from the scan to the shop: rates of each stage, and the receiver's count, which must be exact.

    python -m tests.benchmarks.due_reorders [PEOPLE] [--no-kill]

Everything is the product's own and a process of its own: PostgreSQL with fsync on, a broker, a worker whose
tasks are sent when beat would send them, `samtycke relay`; only the shop's order endpoint is a stand-in
(`tests/receiver.py`), which writes down what it got before it answers. So many people with a mandate run out
of something. The worker proposes, the relay hands over the notices, and when the veto window is over the
relay evaluates again and hands over the orders. Nothing but the waiting is skipped: in the outbox the notices
are moved eight days back, and the orders to now. Half way through the orders the relay is killed
(-9) and another is started; what was under way then is settled when its lease of two minutes ends.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.actor import system_actor
from service.bootstrap import Services
from service.config import Config
from service.senders.guard import Allowed, Guard
from service.tasks import PROPOSE_REORDERS, Publisher
from service.use_cases.register_webhook import RegisterWebhook, register_webhook
from tests.benchmarks.bulk import ROOT, worker
from tests.benchmarks.installation import installation
from tests.benchmarks.run_outs import add_due, publish, wake
from workers.schedule import SCHEDULE

_PATIENCE = 600.0
_LOOK = 0.1
_DUE = "select count(*) from subjects where forecast_due <= now() + interval '1 second'"
_PROPOSED = "select count(*) from reorders where state = 'proposed'"
# A delivered notice queues its order, which is due when the veto window ends; nothing else waits so long.
_ORDERS = "select count(*) from outbox where state = 'queued' and due_at > now() + interval '71 hours'"
# The notices have been there as long, too, or the orders would be held.
_VETO_ENDS = (
    "update outbox set due_at = least(due_at, now()), ended_at = ended_at - interval '8 days'"
    " where endpoint is null and (state = 'delivered' or due_at > now() + interval '71 hours')"
)
_CLAIMED = "select count(*) from outbox where state = 'claimed'"
_WAITING = "select count(*) from outbox where state = 'queued'"
_UNSETTLED = "select count(*) from outbox where state in ('queued', 'claimed')"
_STATES = "select state, count(*) from reorders group by state order by state"


class Shop:
    """What the order endpoint wrote down."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def orders(self) -> list[dict[str, Any]]:
        found = map(json.loads, self._log.read_text().splitlines())
        return [each for each in found if each["type"] == "reorder.dispatched"]

    def distinct(self) -> int:
        return len({each["key"] for each in self.orders()})


def main(people: int = 10_000, *, kill: bool = True) -> None:
    with installation() as there, tempfile.TemporaryDirectory() as folder:
        config = dataclasses.replace(there.config, webhook_allow="127.0.0.1")
        publish(there)
        persons = add_due(there, people)
        # Of customers there are more than are due; statistics as a database has that is in use.
        _count(there, "analyze")
        log = Path(folder, "arrived")
        with _receiver(log) as port:
            _register(there, port)
            shop = Shop(log)
            _scan_stage(there, config, persons)
            _notice_stage(there, config, people)
            _order_stage(there, config, shop, people, kill=kill)
        _verdict(there, shop, people)


def _scan_stage(services: Services, config: Config, persons: list[Any]) -> None:
    every, publisher = SCHEDULE["propose reorders"]["schedule"], Publisher(str(config.broker_url))
    with worker(config):
        # A first task, which finds nothing: a worker then has its connections and its policy.
        publisher.send(PROPOSE_REORDERS, [()])
        time.sleep(5.0)
        wake(services, persons)
        began, asked = time.monotonic(), 0
        while _count(services, _DUE):
            if time.monotonic() - began >= asked * every.total_seconds():
                publisher.send(PROPOSE_REORDERS, [()])
                asked += 1
            assert time.monotonic() - began < _PATIENCE
            time.sleep(_LOOK)
        seconds = time.monotonic() - began
    publisher.close()
    proposed = _count(services, _PROPOSED)
    rate = proposed / seconds
    print(f"  scan      {proposed:>7,} proposed in {seconds:6.1f} s  {rate:>6,.0f}/s  ({asked} tasks)")


def _notice_stage(services: Services, config: Config, people: int) -> None:
    began = time.monotonic()
    with _relay(config):
        _until(lambda: _count(services, _ORDERS) == people)
        seconds = time.monotonic() - began
    print(f"  notices   {people:>7,} delivered in {seconds:5.1f} s  {people / seconds:>6,.0f}/s")


def _order_stage(services: Services, config: Config, shop: Shop, people: int, *, kill: bool) -> None:
    _count(services, _VETO_ENDS)
    began = time.monotonic()
    if kill:
        with _relay(config) as first:
            # In the middle of attempts: what is claimed may have arrived, and nobody knows.
            _until(lambda: shop.distinct() >= people // 2 and _count(services, _CLAIMED) > 0)
            first.kill()
            first.wait()
        under_way = _count(services, _CLAIMED)
        print(f"  relay killed after {shop.distinct():,} orders, {under_way} attempts under way")
    with _relay(config):
        # What the killed relay had under way waits for its lease; the rate is of what did not.
        _until(lambda: _count(services, _WAITING) == 0)
        seconds, arrived = time.monotonic() - began, shop.distinct()
        print(f"  orders    {arrived:>7,} dispatched in {seconds:4.1f} s  {arrived / seconds:>6,.0f}/s")
        _until(lambda: _count(services, _UNSETTLED) == 0)


def _verdict(services: Services, shop: Shop, people: int) -> None:
    orders = shop.orders()
    keys, who = Counter(each["key"] for each in orders), Counter(each["subject"] for each in orders)
    again = len(orders) - len(keys)
    print(
        f"  the shop got {len(keys):,} orders of {len(who):,} people (must {people:,}), {again} of them again"
    )
    with services.database.connection() as db:
        states = dict(db.execute(_STATES).fetchall())  # type: ignore[arg-type]
    print(f"  reorders: {states}")
    assert len(keys) == len(who) == people
    assert states == {"dispatched": people}


def _register(services: Services, port: int) -> None:
    guard = Guard(Allowed.parse("127.0.0.1"))
    with services.unit(system_actor("bench")) as unit:
        register_webhook(unit, guard, RegisterWebhook("shop", f"http://127.0.0.1:{port}/", route="order"))


def _count(services: Services, statement: str) -> int:
    with services.database.connection() as db:
        done = db.execute(statement)
        return int(done.fetchall()[0][0]) if done.description else done.rowcount


def _until(done: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < _PATIENCE, "it does not come to an end"
        time.sleep(_LOOK)


@contextmanager
def _relay(config: Config) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "service.cli", "relay"]
    environ = os.environ | config.as_environ()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _receiver(log: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.receiver", "--log", str(log)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:] if text.isdecimal()]
    main(*numbers, kill="--no-kill" not in sys.argv)
