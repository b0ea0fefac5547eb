"""The relay as it runs: several at once, slow receivers, stopping, and the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner

from service.actor import show_subject, system_actor
from service.bootstrap import Services, build_services, utc_now
from service.cli import main
from service.ids import ENDPOINT, MESSAGE, show
from service.senders import Fate, Parcel, Sent
from service.storage.subjects import lock_subject
from service.use_cases import relay as relays
from service.use_cases.erase_subject import erase_subject
from service.use_cases.queue_message import queue_event
from service.use_cases.relay import Relay
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import Receiver, deliver, entries, make_person, propose, relay_to, states

ROOT = Path(__file__).parents[2]


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    return policy_document


@pytest.fixture
def wide(services: Services) -> Iterator[Services]:
    found = build_services(services.config, pool_size=16, clock=services.clock)
    yield found
    found.close()


def event_about(services: Services, subject: UUID | None, endpoint: UUID, number: int = 0) -> UUID:
    """About somebody who is erased, where there is no subject."""
    with services.unit(system_actor("test")) as unit:
        about = UUID(int=7) if subject is None else lock_subject(unit, subject)
        event = {"type": "consent.changed", "content": {"data": {"n": number}}}
        return queue_event(unit, about, endpoint, event)


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.01)


@contextmanager
def running(*relays: Relay) -> Iterator[None]:
    """At work until the end of the block, and then until what is under way is finished."""
    stop = threading.Event()
    threads = [threading.Thread(target=relay.run, args=(stop,)) for relay in relays]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_what_is_queued_leaves_within_a_second(wide: Services) -> None:
    receiver = Receiver()
    with running(relay_to(wide, receiver)):
        time.sleep(0.3)
        began = time.monotonic()
        propose(wide, make_person(wide, channels=("app",)), channels=("app",))
        wait_for(lambda: bool(receiver.got))
        assert receiver.got[0][0] - began < 1.0


def test_a_slow_receiver_holds_up_nobody_else(wide: Services) -> None:
    slow, quick = Receiver(takes=3.0), Receiver()
    lazy = uuid4()
    for _ in range(8):
        event_about(wide, None, lazy)
        # Each about another person, so that they do not wait for each other.
    with wide.database.transaction() as db:
        db.execute("update outbox set lane = sha256(id::text::bytea)")
    for _ in range(4):
        propose(wide, make_person(wide, channels=("app",)), channels=("app",))
    with running(Relay(wide, {"webhook": slow, "inbox": quick}, threads=4)):
        wait_for(lambda: len(quick.got) == 4, 2.8)
        # As many as there are threads went before anybody knew that it is slow.
        assert len(slow.got) == 4


def test_stopping_finishes_what_is_under_way(wide: Services) -> None:
    receiver = Receiver(takes=0.5)
    event_about(wide, None, uuid4())
    with running(relay_to(wide, receiver)):
        wait_for(lambda: bool(receiver.got))
    assert states(wide) == [("delivered", None)]


def test_many_relays_hand_over_everything_once(wide: Services) -> None:
    receiver = Receiver()
    for _ in range(30):
        propose(wide, make_person(wide, channels=("app",)), channels=("app",))
    with running(*(relay_to(wide, receiver, threads=3) for _ in range(3))):
        wait_for(lambda: states(wide) == [("delivered", None)] * 30)
    keys = [parcel.key for parcel in receiver.parcels]
    assert len(keys) == len(set(keys)) == 30


def test_events_of_one_person_reach_an_endpoint_in_order(services: Services) -> None:
    endpoint, receiver = uuid4(), Receiver([Sent(Fate.retry), Sent(Fate.delivered)])
    for number in range(3):
        event_about(services, None, endpoint, number)
    assert [p.content["data"]["n"] for p in deliver(services, receiver)] == [0]
    later = deliver(services, receiver, NOW + timedelta(minutes=1))
    assert [p.content["data"]["n"] for p in later] == [0, 1, 2]
    assert {(p.kind, p.route, p.to) for p in later} == {
        ("consent.changed", "webhook", show(ENDPOINT, endpoint))
    }


def test_an_event_about_somebody_stands_sealed_and_is_opened_for_the_sender(services: Services) -> None:
    person, receiver, endpoint = make_person(services), Receiver(), uuid4()
    event_about(services, person, endpoint, 1)
    with services.database.connection() as db:
        [row] = db.execute("select event, sealed is not null, subject from outbox")
    assert row == (None, True, person)
    [parcel] = deliver(services, receiver)
    assert (parcel.kind, parcel.subject) == ("consent.changed", show_subject(person))
    assert parcel.content == {"data": {"n": 1}}


def test_what_must_outlive_an_erasure_does(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    event_about(services, person, uuid4(), 1)
    event_about(services, None, uuid4(), 2)
    with services.unit(system_actor("dpo")) as unit:
        erase_subject(unit, lock_subject(unit, person))
    assert [p.content["data"]["n"] for p in deliver(services, receiver)] == [2]


def test_an_event_that_nobody_takes_is_parked(services: Services) -> None:
    receiver = Receiver([Sent(Fate.refused, "410")])
    event_about(services, None, uuid4())
    deliver(services, receiver)
    assert states(services) == [("parked", "refused")]


def test_without_a_sender_a_message_waits(services: Services) -> None:
    person = make_person(services)
    propose(services, person)
    assert Relay(services, {}).hand_over_due() == 1
    [entry] = entries(services, person)
    assert (entry.state, entry.attempts) == ("queued", 0)
    assert len(deliver(services, Receiver(), NOW + timedelta(minutes=2))) == 1


def test_who_sleeps_between_claim_and_send_does_not_send(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process stopped there and woken when the lease is as good as over: others may have settled it."""
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    monkeypatch.setattr(relays, "_FRESH", -1.0)
    deliver(services, receiver)
    assert receiver.got == []
    assert [entry.state for entry in entries(services, person)] == ["claimed"]


def test_a_sender_that_breaks_its_word_breaks_nothing_else(wide: Services) -> None:
    class Raises:
        def send(self, parcel: Parcel) -> Sent:
            raise RuntimeError(parcel.key)

    quick = Receiver()
    event_about(wide, None, uuid4())
    propose(wide, make_person(wide, channels=("app",)), channels=("app",))
    with running(Relay(wide, {"webhook": Raises(), "inbox": quick}, threads=2)):
        wait_for(lambda: bool(quick.got))
        wait_for(lambda: sorted(states(wide)) == [("claimed", None), ("delivered", None)])


@pytest.fixture
def environ(services: Services) -> dict[str, str]:
    return {**os.environ, **services.config.as_environ(), "SAMTYCKE_BROKER_URL": "redis://127.0.0.1:1/0"}


def test_the_command_delivers_until_it_is_told_to_stop(services: Services, environ: dict[str, str]) -> None:
    propose(services, make_person(services, channels=("app",)), channels=("app",), at=utc_now())
    command = [sys.executable, "-m", "service.cli", "relay", "--threads", "2"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE) as process:
        try:
            wait_for(lambda: states(services) == [("delivered", None)], 30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        lines = process.stderr.read().decode()
    assert '"handed over"' in lines
    assert "soap" not in lines


def test_an_operator_lists_and_redelivers(services: Services, environ: dict[str, str]) -> None:
    message = event_about(services, None, uuid4())
    deliver(services, Receiver([Sent(Fate.refused)]))
    runner = CliRunner(env=environ)
    listed = runner.invoke(main, ["outbox", "list"])
    assert listed.exit_code == 0, listed.output
    assert f"{show(MESSAGE, message)}  event refused after 1 attempts" in listed.output
    again = runner.invoke(main, ["outbox", "redeliver", show(MESSAGE, message)])
    assert again.output == "1 queued again\n"
    assert runner.invoke(main, ["outbox", "redeliver", show(MESSAGE, message)]).exit_code == 1
    assert states(services) == [("queued", None)]
