"""POST /v1/subjects/{id}/consents under granian, the ledger's sealer at work beside it.

    python -m tests.benchmarks.consents [SECONDS] [ROUNDS]

Goal 8 of performance.md: its rate ÷ that of an echo of the same body through the framework, 16 clients.
Medians of rounds that alternate.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from service.actor import show_subject
from service.bootstrap import Services
from service.tokens import load_issuer_key, mint
from tests.benchmarks.decisions import server
from tests.benchmarks.installation import installation
from tests.benchmarks.ledger import _seal
from tests.benchmarks.load import Post, load_each
from tests.benchmarks.population import add_people, publish

PEOPLE = 500
CLIENTS = 16
BODY = json.dumps(
    {
        "purpose": "personal_offers",
        "status": "given",
        "explicit": True,
        "notice": {"version": 2, "locale": "sv"},
        "origin": "app",
    }
)


def main(seconds: float = 4.0, rounds: int = 3) -> None:
    with installation() as services:
        publish(services)
        people = add_people(services, PEOPLE)
        with server(services, durable=True) as port, _sealing(services):
            key, config, now = load_issuer_key(services.config.issuer_key_file), services.config, services.now

            def token(role: str, subject: str | None = None) -> str:
                return mint(
                    key, issuer=config.issuer, audience=config.audience, sub="bench", roles=(role,), now=now,
                    subject=subject,
                )  # fmt: skip

            names = [show_subject(person) for person in people]
            posts = [Post(f"/v1/subjects/{name}/consents", token("customer", name), BODY) for name in names]
            echoes = [Post("/bench/consents", token("shop"), BODY)]
            load_each(port, "", posts, clients=CLIENTS, seconds=1)
            measured: dict[str, list[float]] = {"consents": [], "echo": []}
            for _ in range(rounds):
                for name, sent in (("consents", posts), ("echo", echoes)):
                    measured[name].append(load_each(port, "", sent, clients=CLIENTS, seconds=seconds).rate)
    rate = {name: statistics.median(found) for name, found in measured.items()}
    web = services.config.web_workers
    for name, found in rate.items():
        print(f"  {name:<16}{found:>9,.0f} requests/s, {CLIENTS} clients, {web} web processes")
    ratio = rate["consents"] / rate["echo"]
    print(f"  goal 8: consent ÷ echo                     {ratio:.2f}   (must .6, aim .85)")


@contextmanager
def _sealing(services: Services) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    child = context.Process(target=_seal, args=(services.config.as_environ(), stop))
    child.start()
    yield
    stop.set()
    child.join()


if __name__ == "__main__":
    main(*(float(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) == 3 else ())
