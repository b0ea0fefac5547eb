"""What the run's clients do, all at once and to the same few people: customers choose, shops tell and ask,
marketing asks for permits and uses them, the DPO merges and erases. Everything goes into the history."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from tests.faults import people
from tests.faults.clients import (
    BY_PUSH,
    OFFER,
    PERMITTED,
    REDEEM,
    REMIND,
    Answer,
    Api,
    ids_of,
    names_of_permit,
)
from tests.faults.history import DONE, REFUSED, UNKNOWN, Operation, Recorder

GOODS = [f"goods-{number:03}" for number in range(60)]
# A pack of thirty that was bought so long ago is about to run out: the scan finds it due at once.
BOUGHT_BEFORE = timedelta(days=27)
PERSON = {"locale": "sv", "country": "SE", "timezone": "UTC"}
_RETRY_FOR = 15.0
# How often clients do what, of a hundred times.
OFTEN: Mapping[str, int] = MappingProxyType(
    {
        "choose": 40,
        "buy": 16,
        "waver": 4,
        "look": 12,
        "offer": 16,
        "ask in bulk": 6,
        "erase": 1,
        "merge": 1,
        "register": 4,
    }
)


@dataclass
class Town:
    """Who lives there, shared by all clients. `left` are erased or merged: nobody asks them any more."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    people: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    signals: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    bought: dict[str, int] = field(default_factory=dict)
    # Paths that this service does not have, so that nobody asks for them again.
    missing: set[str] = field(default_factory=set)

    def somebody(self, rng: Random) -> str | None:
        with self.lock:
            staying = [person for person in self.people if person not in self.left]
        return rng.choice(staying) if staying else None

    def next_goods(self, person: str) -> str | None:
        """A product that this person has not bought: each is bought once, so that no cycle ends another."""
        with self.lock:
            number = self.bought.get(person, 0)
            self.bought[person] = number + 1
        return GOODS[number] if number < len(GOODS) else None


class Client:
    """One client with its own order of calls, given by its seed."""

    def __init__(self, name: str, rng: Random, api: Api, town: Town, recorder: Recorder) -> None:
        self._name = name
        self._rng = rng
        self._api = api
        self._town = town
        self._recorder = recorder
        self._acts: dict[str, Callable[[str], object]] = {
            "choose": lambda person: self.choose(person, people.some_choice(self._rng)),
            "buy": self.buy,
            "waver": self.waver,
            "look": self.look,
            "offer": self.offer,
            "ask in bulk": self.ask_in_bulk,
            "erase": self.erase,
            "merge": self.merge,
            "register": lambda _: self.register(),
        }

    def run(self, stop: threading.Event, pause: float, often: Mapping[str, int] = OFTEN) -> None:
        """Act until told to stop."""
        acts = [self._acts[name] for name in often]
        while not stop.is_set():
            person = self._town.somebody(self._rng)
            if person is None:
                self.register()
            else:
                self._rng.choices(acts, [*often.values()])[0](person)
            stop.wait(self._rng.uniform(0.0, 2 * pause))

    def register(self) -> None:
        number = uuid4().hex
        body = {**PERSON, "identifiers": [{"type": "email", "value": f"{number}@example.org"}]}
        answer, began = self._create("/v1/subjects", body, "shop")
        if not answer.done:
            return
        person, ended = answer.body["id"], time.time()
        for setting, value in people.AT_FIRST.items():
            self._write(person, setting, value, began, ended, answer, raises=False)
        for choice in people.welcome():
            self.choose(person, choice)
        with self._town.lock:
            self._town.people.append(person)

    def choose(self, person: str, choice: people.Choice) -> None:
        path = f"/v1/subjects/{person}{choice.path}"
        if choice.method == "POST":
            answer, began = self._create(path, choice.body, "customer", person)
        else:
            headers = {}
            if choice.method == "PATCH":
                seen = self._api.call("GET", path, role="customer", subject=person)
                if not seen.done:
                    return
                headers = {"If-Match": seen.etag, "Content-Type": "application/merge-patch+json"}
            began = time.time()
            answer = self._api.call(
                choice.method, path, choice.body, role="customer", subject=person, headers=headers
            )
        self._write(person, choice.setting, choice.value, began, time.time(), answer, raises=choice.raises)

    def buy(self, person: str) -> None:
        """A shop tells of a purchase whose pack is nearly used up."""
        goods = self._town.next_goods(person)
        if goods is None:
            return
        signal = {
            "subject": person,
            "type": "purchase",
            "at": (datetime.now(UTC) - BOUGHT_BEFORE).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {"sku": goods, "quantity": 1, "price_minor": 1000, "currency": "SEK"},
            "id": uuid4().hex,
        }
        told, began = self.tell(signal, "signal")
        if told == "stored":
            with self._town.lock:
                self._town.signals.append(signal)
            self._record("due", person, began, value=goods, topics=(REMIND, BY_PUSH))

    def waver(self, person: str) -> None:
        """Withdraw just when something that has become due is on its way, and then think better of it."""
        self.buy(person)
        time.sleep(self._rng.uniform(0.0, 1.5))
        self.choose(person, people.consent(people.REMINDERS, "withdrawn"))
        time.sleep(self._rng.uniform(0.0, 1.0))
        self.choose(person, people.consent(people.REMINDERS, "given"))

    def tell(self, signal: Mapping[str, Any], name: str) -> tuple[str, float]:
        """Send one signal, without trying again; what became of it, and when it was sent."""
        began = time.time()
        answer = self._api.call("POST", "/v1/signals", [signal], role="shop")
        told = answer.body["results"][0]["status"] if answer.done else ""
        self._record(name, signal["subject"], began, answer=answer, value=signal["id"], told=told)
        return told, began

    def look(self, person: str) -> bool:
        """Read everything that the person may see of herself; whether all of it could be read."""
        whole = True
        for part in ("preferences", "consents", "reorders"):
            began = time.time()
            answer = self._api.call("GET", f"/v1/subjects/{person}/{part}", role="customer", subject=person)
            if not answer.done:
                whole = False
            elif part == "reorders":
                waiting = [r["id"] for r in answer.body["reorders"] if r["state"] in ("proposed", "held")]
                self._record("waiting", person, began, listed=tuple(waiting), topics=(REMIND,))
            else:
                read = people.settings_in if part == "preferences" else people.consents_in
                found = read(answer.body if part == "preferences" else answer.body["consents"])
                for setting, value in found.items():
                    epoch = answer.body["epoch"]
                    self._record("read", person, began, setting=setting, value=value, epoch=epoch)
        return whole

    def offer(self, person: str) -> None:
        """Marketing asks for a permit, waits a moment, and uses it, sometimes twice."""
        if PERMITTED in self._town.missing:
            return
        asked = {
            "subject": person,
            "programme": "marketing",
            "channels": ["push"],
            "candidates": [self._candidate("curate", "marketing")],
        }
        answer = self._api.call("POST", PERMITTED, asked, role="marketing")
        if answer.status in (404, 405):
            self._town.missing.add(PERMITTED)
        if not answer.done:
            return
        permits = [entry["permit"] for entry in answer.body["permitted"] if entry.get("permit")]
        time.sleep(self._rng.choice((0.0, 0.05, 0.5)))
        for permit in permits:
            for _ in range(self._rng.choice((1, 1, 2))):
                self._redeem(person, permit)

    def _redeem(self, person: str, permit: str) -> None:
        began = time.time()
        answer = self._api.call("POST", REDEEM, {"permits": [permit]}, role="marketing")
        told = ""
        if answer.done:
            told = answer.body["permits"][0]["status"]
        self._record(
            "redeem",
            person,
            began,
            answer=answer,
            value=permit,
            told=told,
            topics=(OFFER, BY_PUSH),
            listed=names_of_permit(permit),
        )

    def ask_in_bulk(self, _: str) -> None:
        """A job over a few people, which workers must end."""
        with self._town.lock:
            known = [person for person in self._town.people if person not in self._town.left]
        chosen = self._rng.sample(known, min(5, len(known)))
        body = [{"subject": p, "candidate": self._candidate("coach", "replenishment")} for p in chosen]
        answer, began = self._create("/v1/candidates", body, "shop")
        job = answer.body["job"] if answer.done else ""
        self._record("job", job or "nobody", began, answer=answer, value=job)
        if job:
            with self._town.lock:
                self._town.jobs[job] = len(body)

    def erase(self, person: str) -> None:
        """Nobody else asks for this person from now on; what they asked before may still be under way."""
        with self._town.lock:
            if person in self._town.left or len(self._town.people) - len(self._town.left) < 4:
                return
            self._town.left.add(person)
        filed, _ = self._create("/v1/requests", {"subject": person, "type": "erasure"}, "dpo")
        if not filed.done:
            return
        path, reason = f"/v1/requests/{filed.body['id']}", {"reason": "asked for"}
        self._api.call("POST", f"{path}/verify", reason, role="dpo")
        began = time.time()
        answer = self._api.call("POST", f"{path}/fulfil", reason, role="dpo")
        self._write(person, people.STATUS, "erased", began, time.time(), answer, raises=False)

    def merge(self, person: str) -> None:
        other = self._town.somebody(self._rng)
        with self._town.lock:
            enough = len(self._town.people) - len(self._town.left) >= 4
            if other is None or other == person or person in self._town.left or not enough:
                return
            self._town.left.add(person)
        began = time.time()
        answer = self._api.call("POST", f"/v1/subjects/{person}/merge", {"into": other}, role="dpo")
        self._write(person, people.STATUS, "merged", began, time.time(), answer, raises=False)
        epoch = answer.body["epoch"] if answer.done else None
        self._record("blur", other, began, answer=answer, epoch=epoch, told=f"merged with {person}")

    def _candidate(self, strategy: str, programme: str) -> dict[str, Any]:
        return {
            "id": uuid4().hex,
            "programme": programme,
            "strategy": strategy,
            "sku": self._rng.choice(GOODS),
            "channels": ["push"],
            "data": ["purchases"],
            "quantity": 1,
        }

    def _create(self, path: str, body: Any, role: str, subject: str | None = None) -> tuple[Answer, float]:
        """A POST under one idempotency key, sent again until somebody knows what became of it."""
        began = time.time()
        headers = {"Idempotency-Key": uuid4().hex}
        reached = False
        while True:
            answer = self._api.call("POST", path, body, role=role, subject=subject, headers=headers)
            reached = reached or answer.unknown
            again = answer.unknown or (answer.status == 0 and reached)
            if not again or time.time() - began > _RETRY_FOR:
                # Not reached this time, but perhaps before.
                return (Answer(None) if again else answer), began
            time.sleep(0.3)

    def _write(
        self,
        person: str,
        setting: str,
        value: str,
        began: float,
        ended: float,
        answer: Answer,
        *,
        raises: bool,
    ) -> None:
        body = answer.body if answer.done and isinstance(answer.body, dict) else {}
        # A request's answer says what was done; of an erasure the certificate does.
        done = body.get("done") or body
        told = done.get("certificate") or done
        self._record(
            "write",
            person,
            began,
            ended=ended,
            answer=answer,
            setting=setting,
            value=value,
            **people.meaning(setting, value),
            raises=raises and answer.done,
            epoch=body.get("epoch"),
            cancelled=ids_of(told.get("cancelled")),
            irrevocable=ids_of(told.get("irrevocable")),
        )

    def _record(
        self,
        name: str,
        person: str,
        began: float,
        *,
        ended: float | None = None,
        answer: Answer | None = None,
        **more: Any,
    ) -> None:
        outcome = DONE
        if answer is not None and not answer.done:
            outcome = UNKNOWN if answer.unknown else REFUSED
        self._recorder.add(
            Operation(
                client=self._name,
                name=name,
                subject=person,
                invoked=began,
                answered=None if outcome == UNKNOWN else ended or time.time(),
                outcome=outcome,
                **more,
            )
        )
