"""P10: a key is rotated under load with no failed request; what was killed is taken up; the old key opens
nothing, and is not needed any more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.actor import Actor
from service.bootstrap import Services
from service.crypto.blind_index import BlindIndex
from service.crypto.keks import COMPROMISED, DESTROYED, KeyInUseError, WrappedKey
from service.crypto.keyring import Keyring
from service.crypto.providers import Provider
from service.crypto.providers.key_file import KeyFile
from service.errors import ConflictError, KeyExhaustedError, NotFoundError, UnreadableError
from service.storage.asked import AskedCandidate
from service.storage.keks import StoredKekBook, read_keks
from service.storage.key_rotation import count_wrapped
from service.storage.subjects import lock_subject, read_subject
from service.use_cases.decide import decide
from service.use_cases.erase_subject import erase_subject
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import (
    Identifier,
    RegisterSubject,
    look_up_subject,
    register_subject,
)
from service.use_cases.rotate_keys import retire_key, rotate_keys
from tests.crypto.far import FarAway

SHOP = Actor("shop-1", frozenset({"shop"}))
ROOT = Path(__file__).parents[2]
# How long a process may take the old key for active: as short as the test can wait.
VIEW = 0.2


def process(services: Services, *providers: Provider, **settings: Any) -> Services:
    """The same installation in another process: a keyring and a memory of its own."""
    url = services.config.database_url
    assert url is not None
    bounds = replace(services.config.keys, **{"view_seconds": VIEW, **settings})
    keyring = Keyring(providers or [KeyFile(services.config.key_file)], StoredKekBook(url), bounds)
    return replace(services, keyring=keyring, index=BlindIndex(keyring.index_root))


@pytest.fixture
def services(services: Services) -> Services:
    return process(services)


def register(services: Services, number: int) -> UUID:
    person = RegisterSubject([Identifier("customer_number", f"C{number}")], "sv", "SE", "Europe/Stockholm")
    with services.unit(SHOP) as unit:
        return register_subject(unit, person).id


def say(services: Services, subject: UUID, status: str) -> None:
    consent = RecordConsent(status, Notice(2, "sv"), "app", purpose="personal_offers")
    with services.unit(Actor("c", frozenset({"customer"}), subject=subject)) as unit:
        record_consent(unit, subject, consent)


ASKED = AskedCandidate("c1", "marketing", "curate", "cream", ("app",), ("purchases",), 1)


def wraps(services: Services) -> dict[str, int]:
    with services.database.connection() as db:
        return {kek: each.keys for kek, each in count_wrapped(db).items()}


def test_everything_is_wrapped_anew_and_nothing_encrypted_again(services: Services) -> None:
    people = [register(services, number) for number in range(25)]
    with services.database.connection() as db:
        before = db.execute("select subject, sealed from subject_states order by 1").fetchall()
    old = services.keyring.active().id
    done = rotate_keys(services, batch=10)
    assert (done.made, done.rewrapped, done.unreadable) == (True, 25, 0)
    assert wraps(services) == {done.active: 25}
    with services.database.connection() as db:
        assert db.execute("select subject, sealed from subject_states order by 1").fetchall() == before
        assert {kek.id: kek.state for kek in read_keks(db).values()} == {
            old: "deactivated",
            done.active: "active",
        }
    with services.unit(SHOP) as unit:
        for number, person in enumerate(people):
            assert read_subject(unit, person).epoch == 1
            assert look_up_subject(unit, Identifier("customer_number", f"C{number}")) == person


def test_after_retirement_the_old_key_opens_nothing_and_is_not_needed(services: Services) -> None:
    people = [register(services, number) for number in range(5)]
    with services.database.connection() as db:
        [stolen] = db.execute("select kek, wrapped from keys.data_keys where owner = %s", (people[0],))
    old = services.keyring.active().id
    with pytest.raises(KeyInUseError, match="active"):
        retire_key(services, old)
    rotate_keys(services)
    with pytest.raises(KeyInUseError, match="moment"):
        retire_key(services, old, grace=60)
    assert "copies" in retire_key(services, old, grace=0)
    assert old not in services.config.key_file.read_text()
    assert list(json.loads(services.config.key_file.read_text())["kek"]) == [services.keyring.active().id]
    restarted = process(services)
    with restarted.unit(SHOP) as unit:
        assert [read_subject(unit, person).id for person in people] == people
        assert look_up_subject(unit, Identifier("customer_number", "C3")) == people[3]
    with pytest.raises(UnreadableError):
        restarted.keyring.unwrap(people[0], WrappedKey(stolen[0], bytes(stolen[1])))
    # Once more is harmless: the provider is asked again.
    retire_key(services, old)


def test_a_key_that_still_wraps_something_is_not_destroyed(services: Services) -> None:
    person = register(services, 1)
    old = services.keyring.active().id
    with services.database.connection() as db:
        row = db.execute("select wrapped from keys.data_keys where owner = %s", (person,)).fetchone()
    rotate_keys(services)
    with services.database.connection() as db:
        assert row is not None
        db.execute("update keys.data_keys set kek = %s, wrapped = %s", (old, row[0]))
    with pytest.raises(KeyInUseError, match="1 data keys"):
        retire_key(services, old, grace=0)
    assert old in services.config.key_file.read_text()
    # It is found again, and no further key is made for it.
    done = rotate_keys(services)
    assert (done.made, done.rewrapped) == (False, 1)
    retire_key(services, old, grace=0)
    with pytest.raises(NotFoundError):
        retire_key(services, "made-up")


def test_nothing_is_written_under_a_destroyed_key(services: Services) -> None:
    """A process that slept through it all: its new data key would never open again, so it is refused."""
    asleep = process(services, view_seconds=3600)
    register(asleep, 1)
    old = asleep.keyring.active().id
    rotate_keys(services)
    retire_key(services, old, grace=0)
    with pytest.raises(psycopg.IntegrityError, match="destroyed"):
        register(asleep, 2)
    asleep.keyring.look_again()
    register(asleep, 2)


def test_retirement_waits_for_who_is_writing_under_the_key(services: Services) -> None:
    late = process(services, view_seconds=3600)
    register(late, 1)
    old = late.keyring.active().id
    with late.unit(SHOP) as unit:
        register_subject(
            unit, RegisterSubject([Identifier("customer_number", "C2")], "sv", "SE", "Europe/Stockholm")
        )
        rotate_keys(services)
        found: list[object] = []
        thread = threading.Thread(
            target=lambda: found.append(_outcome(lambda: retire_key(services, old, grace=0)))
        )
        thread.start()
        time.sleep(0.3)
        assert thread.is_alive()
    thread.join()
    assert isinstance(found[0], KeyInUseError)
    rotate_keys(services)
    retire_key(services, old, grace=0)


def _outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except Exception as error:
        return error


def retire(services: Services, kek: str) -> None:
    """As an operator would: again, when it is too early."""
    for _ in range(100):
        try:
            retire_key(services, kek, grace=0.6)
        except KeyInUseError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the old key is in use for ever")


def test_rotation_under_load_fails_nobody(services: Services) -> None:
    people = [register(services, number) for number in range(200)]
    stop, counts, failures = threading.Event(), [0, 0, 0, 0], []

    def at_work(number: int) -> None:
        own = process(services)
        turn = 0
        while not stop.is_set():
            turn += 1
            person = people[(turn * 7 + number * 31) % len(people)]
            try:
                if turn % 3 == 0:
                    register(own, 1000 * (number + 1) + turn)
                elif turn % 3 == 1:
                    say(own, person, "given" if turn % 2 else "withdrawn")
                else:
                    assert decide(own, SHOP, person, [ASKED]).decisions
                counts[number] += 1
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=at_work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            old = services.keyring.active().id
            rotate_keys(services, batch=20)
            retire(services, old)
    finally:
        time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert all(counts)
    active = services.keyring.active().id
    assert set(wraps(services)) == {active}


def test_a_killed_rotation_is_taken_up(services: Services) -> None:
    people = [register(services, number) for number in range(60)]
    script = """
import os, sys, time
from service.bootstrap import build_services
from service.config import Config
from service.use_cases.rotate_keys import rotate_keys

def progress(count):
    print(count, flush=True)
    time.sleep(0.05 if count < 20 else 600)

rotate_keys(build_services(Config.from_environ(os.environ)), batch=10, progress=progress)
"""
    rotation = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | services.config.as_environ(),
        stdout=subprocess.PIPE,
    )
    assert rotation.stdout is not None
    while int(rotation.stdout.readline()) < 20:
        pass
    with pytest.raises(ConflictError, match="at work"):
        rotate_keys(services)
    rotation.send_signal(signal.SIGKILL)
    rotation.wait()
    rotation.stdout.close()
    services.keyring.look_again()
    assert sorted(wraps(services).values()) == [20, 40]
    with services.unit(SHOP) as unit:
        assert all(read_subject(unit, person).epoch for person in people)
    done = _when_free(lambda: rotate_keys(services, batch=10))
    assert (done.made, done.rewrapped) == (False, 40)
    assert wraps(services) == {done.active: 60}


def _when_free(call: Callable[[], Any]) -> Any:
    # The database notices a killed client when it next looks at the connection.
    for _ in range(100):
        try:
            return call()
        except ConflictError:
            time.sleep(0.05)
    return call()


def test_a_compromised_key_is_replaced_and_unwraps_until_then(services: Services) -> None:
    person = register(services, 1)
    old = services.keyring.active().id
    done = rotate_keys(services, compromised=old)
    assert done.made
    with services.database.connection() as db:
        assert read_keks(db)[old].state == COMPROMISED
    done = rotate_keys(services, compromised=old)
    assert not done.made
    with services.unit(SHOP) as unit:
        read_subject(unit, person)
    retire_key(services, old, grace=0)
    with services.database.connection() as db:
        assert read_keks(db)[old].state == DESTROYED
    with pytest.raises(ConflictError):
        rotate_keys(services, compromised=old)


def test_a_damaged_data_key_stops_nobody_and_stays(services: Services) -> None:
    people = [register(services, number) for number in range(4)]
    old = services.keyring.active().id
    with services.database.connection() as db:
        db.execute("update keys.data_keys set wrapped = 'x' where owner = %s", (people[0],))
        db.execute("update keys.data_keys set kek = 'made-up' where owner = %s", (people[1],))
    done = rotate_keys(services, batch=2)
    assert (done.rewrapped, done.unreadable) == (2, 2)
    assert wraps(services) == {old: 1, "made-up": 1, done.active: 2}


def test_an_erasure_during_a_rotation_stays_an_erasure(services: Services) -> None:
    people = [register(services, number) for number in range(40)]

    def erase_one(count: int) -> None:
        with services.unit(Actor("dpo", frozenset({"dpo"}))) as unit:
            erase_subject(unit, lock_subject(unit, people.pop()))

    rotate_keys(services, batch=5, progress=erase_one)
    assert sum(wraps(services).values()) == len(people) < 40


def test_moving_to_another_provider_is_a_rotation(services: Services) -> None:
    people = [register(services, number) for number in range(5)]
    far = FarAway("far-1")
    moving = process(services, far, KeyFile(services.config.key_file))
    done = rotate_keys(moving)
    assert done.active == "far-1"
    services.config.key_file.unlink()
    moved = process(services, far)
    with moved.unit(SHOP) as unit:
        assert [read_subject(unit, person).id for person in people] == people
        assert look_up_subject(unit, Identifier("customer_number", "C2")) == people[2]


def test_the_limit_of_a_key_holds_across_processes_until_it_is_rotated(services: Services) -> None:
    one, two = (process(services, kek_limit=70) for _ in range(2))
    made = 0
    for own in (one, two, one, two):
        try:
            for _ in range(40):
                register(own, made)
                made += 1
        except KeyExhaustedError:
            continue
    # One encryption went to the root of the blind indexes.
    assert made == 69
    fresh = process(services, kek_limit=1000)
    rotate_keys(fresh)
    register(process(services, kek_limit=200), 999)


def test_a_data_key_is_counted_in_the_database(services: Services) -> None:
    own = process(services, data_key_limit=20)
    person = register(own, 1)
    said = 0
    while not isinstance(_outcome(lambda: say(own, person, "given")), KeyExhaustedError):
        said += 1
    # Each consent seals an event and a state. What sealed the first state could not be counted: its key was
    # not in the table yet.
    assert said == 10
    with services.database.connection() as db:
        row = db.execute("select seals, epoch from keys.data_keys, subjects").fetchone()
    assert row is not None
    assert row[0] >= 20
    assert row[1] == 11
    with pytest.raises(KeyExhaustedError):
        say(process(services, data_key_limit=20), person, "given")
