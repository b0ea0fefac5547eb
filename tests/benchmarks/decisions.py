"""POST /v1/decisions with 20 candidates under granian, with its decisions kept durably.

    python -m tests.benchmarks.decisions [SECONDS] [ROUNDS]

Goal 1 of performance.md: its rate ÷ that of an echo of the same body through the framework, 16 clients. Goal
2: its p99 ÷ hello's, 4 clients. Medians of rounds that alternate.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.actor import show_subject
from service.bootstrap import Services
from service.embedded.children import web_command
from service.tokens import load_issuer_key, mint
from tests.benchmarks.installation import installation
from tests.benchmarks.load import Load, load
from tests.benchmarks.population import MIXES, add_people, add_products, publish

ROOT = Path(__file__).parents[2]
PEOPLE = 1000
OFFERS = 20


@dataclass(frozen=True)
class Question:
    """A hot route, and the echo of its body through the framework."""

    path: str
    echo: str


DECISIONS = Question("/v1/decisions", "/bench/echo")


def main(seconds: float = 4.0, rounds: int = 3) -> None:
    with installation() as services:
        publish(services)
        skus, people = add_products(services), add_people(services, PEOPLE)
        for durable in (True, False):
            with server(services, durable) as port:
                for name, mix in MIXES.items():
                    bodies = [
                        json.dumps({"subject": show_subject(person), "candidates": mix(skus, OFFERS, seed)})
                        for seed, person in enumerate(people)
                    ]
                    log = "durable log" if durable else "log flushed within a second"
                    web = services.config.web_workers
                    print(f"decisions, {name}, {log}: {OFFERS} candidates, {web} web processes")
                    compare(port, DECISIONS, token_of(services, "shop"), bodies, seconds, rounds)


def compare(
    port: int, question: Question, token: str, bodies: list[str], seconds: float, rounds: int
) -> None:
    """Print goals 1 and 2 of one of the hot routes."""
    path, echo = question.path, question.echo
    measured: dict[str, list[Load]] = {"asked": [], "echo": [], "asked, 4": [], "hello, 4": []}

    def once(name: str, path: str, clients: int, bodies: list[str]) -> None:
        found = load(port, path, clients=clients, seconds=seconds, token=token, bodies=bodies)
        measured[name].append(found)

    load(port, path, clients=4, seconds=1, token=token, bodies=bodies)
    for _ in range(rounds):
        once("asked", path, 16, bodies)
        once("echo", echo, 16, bodies)
        once("asked, 4", path, 4, bodies)
        once("hello, 4", "/bench/hello", 4, [])
    rate = {name: statistics.median(each.rate for each in loads) for name, loads in measured.items()}
    p99 = {name: statistics.median(each.p99 for each in loads) for name, loads in measured.items()}
    for name in measured:
        print(f"  {name:<16}{rate[name]:>9,.0f} requests/s   p99 {p99[name] * 1000:>7.2f} ms")
    one, two = rate["asked"] / rate["echo"], p99["asked, 4"] / p99["hello, 4"]
    print(f"  goal 1: asked ÷ echo, 16 clients           {one:.2f}   (must .7, aim 1.8)")
    print(f"  goal 2: p99 ÷ hello's p99, 4 clients       {two:.2f}   (must 6.5, aim 5 with the durable log)")


def token_of(services: Services, *roles: str) -> str:
    config = services.config
    return mint(
        load_issuer_key(config.issuer_key_file),
        issuer=config.issuer,
        audience=config.audience,
        sub="bench",
        roles=roles,
        now=services.now,
    )


@contextmanager
def server(services: Services, durable: bool) -> Iterator[int]:
    """The service with echo and hello beside it, as the supervisor would start it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = (
        os.environ
        | services.config.as_environ()
        | {
            "SAMTYCKE_PORT": str(port),
            "SAMTYCKE_DURABLE_DECISIONS": "on" if durable else "off",
        }
    )
    config = type(services.config).from_environ(environ)
    command = [*web_command(config)[:-1], "tests.benchmarks.echo:application"]
    load_issuer_key(config.issuer_key_file)
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, within: float = 30.0) -> None:
    until = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except OSError:
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.05)


if __name__ == "__main__":
    main(*(float(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) == 3 else ())
