"""Rotating the key-encryption key of many subjects while the service answers.

    python -m tests.benchmarks.rotation [SUBJECTS]

Clients ask for decisions, record consents and register persons over HTTP, before and during the rotation.
Goal: no failed request. Measured: data keys a second, and what the rotation takes from the clients.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import sys
import threading
import time
from collections import Counter
from uuid import UUID

from service.actor import show_subject
from service.bootstrap import Services
from service.storage.key_rotation import count_wrapped
from service.tokens import load_issuer_key, mint
from service.use_cases.rotate_keys import retire_key, rotate_keys
from tests.benchmarks.decisions import server
from tests.benchmarks.installation import installation
from tests.benchmarks.population import add_people, add_products, offers, publish

SUBJECTS = 100_000
CLIENTS = 4
BEFORE = 5.0


class Crowd:
    """Clients at work until told to stop. `answers` counts statuses."""

    def __init__(self, services: Services, port: int, people: list[UUID], skus: list[str]) -> None:
        self._services, self._port, self._people, self._skus = services, port, people, skus
        self._key = load_issuer_key(services.config.issuer_key_file)
        self._stop, self.answers, self.slowest = threading.Event(), Counter[int](), 0.0
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._work, args=(each,)) for each in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.answers.items() if not 200 <= status < 300)

    def _work(self, seed: int) -> None:
        rng, shop = random.Random(seed), self._token("shop")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        for turn in itertools.count():
            if self._stop.is_set():
                connection.close()
                return
            person, token = rng.choice(self._people), shop
            if turn % 10 == 0:
                path, body = "/v1/subjects", self._registration()
            elif turn % 10 == 1:
                path, token = f"/v1/subjects/{show_subject(person)}/consents", self._token("customer", person)
                body = {
                    "purpose": "personal_offers",
                    "status": rng.choice(("given", "withdrawn")),
                    "notice": {"version": 2, "locale": "sv"},
                    "origin": "app",
                }
            else:
                path = "/v1/decisions"
                body = {"subject": show_subject(person), "candidates": offers(self._skus, 20, turn % 50)}
            self._ask(connection, path, body, token)

    def _ask(
        self, connection: http.client.HTTPConnection, path: str, body: dict[str, object], token: str
    ) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        started = time.perf_counter()
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            connection.close()
            status = 0
        self.answers[status] += 1
        self.slowest = max(self.slowest, time.perf_counter() - started)

    def _registration(self) -> dict[str, object]:
        return {
            "identifiers": [{"type": "customer_number", "value": f"B{next(self._numbers)}"}],
            "locale": "sv",
            "country": "SE",
            "timezone": "Europe/Stockholm",
            "birth_date": "1980-02-29",
        }

    def _token(self, role: str, person: UUID | None = None) -> str:
        config = self._services.config
        return mint(
            self._key,
            issuer=config.issuer,
            audience=config.audience,
            sub="bench",
            roles=(role,),
            now=self._services.now,
            subject=None if person is None else show_subject(person),
        )


def main(subjects: int = SUBJECTS) -> None:
    with installation() as services:
        publish(services)
        skus = add_products(services)
        people = [person for _ in range(subjects // 10_000 or 1) for person in add_people(services, 10_000)]
        with server(services, durable=True) as port:
            crowd = Crowd(services, port, people, skus)
            crowd.start()
            try:
                time.sleep(1)
                before = crowd.answers.total()
                time.sleep(BEFORE)
                quiet = (crowd.answers.total() - before) / BEFORE
                old = services.keyring.active().id
                crowd.slowest, before, started = 0.0, crowd.answers.total(), time.perf_counter()
                marks: list[tuple[float, int]] = []
                done = rotate_keys(
                    services, progress=lambda count: marks.append((time.perf_counter() - started, count))
                )
                # The last pass but one is the work; after it the rotation waits for processes to look again.
                worked = next(seconds for seconds, count in marks if count >= len(people))
                loaded = (crowd.answers.total() - before) / (time.perf_counter() - started)
                time.sleep(2 * services.keyring.settings.view_seconds)
                left = retire_key(services, old)
            finally:
                crowd.stop()
            with services.database.connection() as db:
                wrapped = count_wrapped(db)
    assert set(wrapped) == {done.active}, wrapped
    print(f"rotation: {len(people):,} subjects, {CLIENTS} clients")
    rate = len(people) / worked
    print(f"  wrapped anew    {done.rewrapped:>9,} data keys in {worked:.1f} s: {rate:,.0f} a second")
    print(f"  requests        {quiet:>9,.0f} a second before, {loaded:,.0f} during ({loaded / quiet:.2f})")
    print(f"  slowest answer  {crowd.slowest * 1000:>9,.0f} ms during")
    print(f"  failed requests {crowd.failed:>9,} of {crowd.answers.total():,}   (must 0)")
    print(f"  old key         retired; {left}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
