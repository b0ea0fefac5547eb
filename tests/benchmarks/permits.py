"""POST /v1/offers/permitted under granian, and how many permits a second are redeemed.

    python -m tests.benchmarks.permits [SECONDS] [ROUNDS]

Goals 1 and 2 of performance.md for 20 candidates of the caller's own, as for /v1/decisions. Then 1,000
permits a request, and one a request by eight clients: goal 12, hand-overs with the barrier's lock ÷ without.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from typing import Any
from unittest.mock import patch
from uuid import UUID

from service.actor import Actor, show_subject
from service.bootstrap import Services, build_services
from service.storage.asked import AskedCandidate
from service.use_cases import redeem_permits as module
from service.use_cases.permit_offers import AskOffers, permit_offers
from service.use_cases.redeem_permits import redeem_permits
from tests.benchmarks.decisions import OFFERS, PEOPLE, Question, compare, server, token_of
from tests.benchmarks.installation import installation
from tests.benchmarks.population import add_people, add_products, offers, publish

PERMITTED = Question("/v1/offers/permitted", "/bench/offers")
CLIENTS = 8
BATCH = 1000
_ACTOR = Actor("bench", frozenset({"marketing"}))
_RECALL = AskedCandidate("c1", "recall", "coach", "P0002", ("app",), (), 1)


def main(seconds: float = 4.0, rounds: int = 3) -> None:
    with installation() as services:
        publish(services)
        skus, people = add_products(services), add_people(services, PEOPLE)
        bodies = [json.dumps(_question(person, skus, seed)) for seed, person in enumerate(people)]
        with server(services, durable=True) as port:
            print(f"permitted offers: {OFFERS} candidates, {services.config.web_workers} web processes")
            compare(port, PERMITTED, token_of(services, "marketing"), bodies, seconds, rounds)
        _redemption(services, people, rounds)


def _question(person: UUID, skus: list[str], seed: int) -> dict[str, Any]:
    candidates = offers(skus, OFFERS, seed)
    programme, channels = candidates[0]["programme"], candidates[0]["channels"]
    for candidate in candidates:
        del candidate["programme"], candidate["channels"]
    return {
        "subject": show_subject(person),
        "programme": programme,
        "channels": channels,
        "candidates": candidates,
    }


def _redemption(services: Services, people: list[UUID], rounds: int) -> None:
    """A recall goes to everybody, and no cap keeps a round from being like the one before."""
    measured: dict[str, list[float]] = {"1,000 a request": [], "one a request": [], "without the lock": []}
    for _ in range(rounds):
        measured["1,000 a request"].append(_in_batches(services, people))
        measured["one a request"].append(_one_by_one(services, people))
        with patch.object(module, "lock_rows", lambda *_: None):
            measured["without the lock"].append(_one_by_one(services, people))
    print(f"permits redeemed, {CLIENTS} clients where one a request, in one process")
    rate = {name: statistics.median(found) for name, found in measured.items()}
    for name, found in rate.items():
        print(f"  {name:<20}{found:>9,.0f} permits/s")
    ratio = rate["one a request"] / rate["without the lock"]
    print(f"  goal 12: with the lock ÷ without           {ratio:.2f}   (must .7, aim .9)")


def _permits(services: Services, people: list[UUID]) -> list[str]:
    asked = [permit_offers(services, _ACTOR, AskOffers(p, "recall", ("app",), [_RECALL])) for p in people]
    return [each.permitted[0].permit or "" for each in asked]


def _in_batches(services: Services, people: list[UUID]) -> float:
    tokens = _permits(services, people)
    started = time.perf_counter()
    for start in range(0, len(tokens), BATCH):
        answers = redeem_permits(services, _ACTOR, tokens[start : start + BATCH])
        assert {each.status for each in answers} == {"redeemed"}
    return len(tokens) / (time.perf_counter() - started)


def _one_by_one(services: Services, people: list[UUID]) -> float:
    tokens = _permits(services, people)
    wide = build_services(services.config, pool_size=CLIENTS)

    def client(number: int) -> None:
        for token in tokens[number::CLIENTS]:
            assert redeem_permits(wide, _ACTOR, [token])[0].status == "redeemed"

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    wide.close()
    return len(tokens) / seconds


if __name__ == "__main__":
    main(*(float(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) == 3 else ())
