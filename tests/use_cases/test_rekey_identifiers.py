"""Identifiers get digests under new keys: found all the while, never registered twice, and marks of erased
persons go on."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from service.actor import Actor
from service.bootstrap import Services
from service.crypto.blind_index import BlindIndex
from service.errors import ConflictError, SubjectErasedError
from service.storage.identifiers import find_by_identifiers, is_suppressed
from service.storage.subjects import lock_subject
from service.use_cases.erase_subject import erase_subject
from service.use_cases.register_subject import (
    Identifier,
    RegisterSubject,
    look_up_subject,
    register_subject,
)
from service.use_cases.rekey_identifiers import begin_rekeying, go_on_rekeying

SHOP = Actor("shop-1", frozenset({"shop"}))
DPO = Actor("dpo-1", frozenset({"dpo"}))


def process(services: Services) -> Services:
    """Another process, which knows nothing of what this one has seen."""
    return replace(services, index=BlindIndex(services.keyring.index_root))


def number(value: int) -> Identifier:
    return Identifier("customer_number", f"C{value}")


def register(services: Services, *identifiers: Identifier) -> UUID:
    with services.unit(SHOP) as unit:
        return register_subject(unit, RegisterSubject(list(identifiers), "sv", "SE", "Europe/Stockholm")).id


def look_up(services: Services, identifier: Identifier) -> UUID | None:
    with services.unit(SHOP) as unit:
        return look_up_subject(unit, identifier, "SE")


def erase(services: Services, subject: UUID) -> None:
    with services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, subject))


def rows(services: Services, query: str) -> list[Any]:
    with services.database.connection() as db:
        return db.execute(query).fetchall()  # type: ignore[arg-type]


def test_every_identifier_gets_a_new_digest_and_the_old_ones_end(services: Services) -> None:
    ids = [Identifier("email", "aino@example.fi"), Identifier("phone", "+46701740605"), number(1)]
    person = register(services, *ids)
    before = {row[0] for row in rows(services, "select blind from identifiers")}
    asleep = process(services)
    assert begin_rekeying(services) == 2
    assert begin_rekeying(services) == 2
    done = go_on_rekeying(services, batch=2)
    assert (done.version, done.digested, done.unreadable, done.left) == (2, 3, 0, 0)
    after = {row[0] for row in rows(services, "select blind from identifiers")}
    assert len(after) == 3
    assert not after & before
    assert rows(services, "select version, state from keys.index_roots order by 1") == [
        (1, "retired"),
        (2, "current"),
    ]
    for own in (services, asleep, process(services)):
        assert [look_up(own, each) for each in ids] == [person] * 3
        assert own.index.versions == (2, 2)
        with pytest.raises(ConflictError):
            register(own, ids[0])


def test_old_and_new_are_found_while_it_goes_on(services: Services) -> None:
    people = [register(services, number(each)) for each in range(10)]
    late = process(services)
    begin_rekeying(services)
    done = go_on_rekeying(services, batch=4, seconds=0)
    assert (done.digested, done.left) == (0, 10)
    with services.database.transaction() as db:
        db.execute("set local lock_timeout = '1s'")
        assert go_on_rekeying(services, batch=4).left == 0
    people += [register(late, number(each)) for each in range(10, 15)]
    fresh = process(services)
    with fresh.unit(SHOP) as unit:
        found = find_by_identifiers(unit, "customer_number", [f"C{each}" for each in range(20)])
    assert found == {f"C{each}": person for each, person in enumerate(people)}


def test_halfway_everything_is_found_and_nothing_registered_twice(services: Services) -> None:
    people = [register(services, number(each)) for each in range(10)]
    late = process(services)
    begin_rekeying(services)
    with services.database.connection() as db, db.transaction(force_rollback=True):
        # Somebody holds the first five: they are not waited for.
        db.execute("select from identifiers order by id limit 5 for update")
        done = go_on_rekeying(services)
        assert (done.digested, done.left) == (5, 5)
    assert rows(services, "select state from keys.index_roots order by version") == [("old",), ("current",)]
    for own in (services, late, process(services)):
        assert [look_up(own, number(each)) for each in range(10)] == people
        for each in range(10):
            with pytest.raises(ConflictError):
                register(own, number(each))
    assert go_on_rekeying(services).left == 0
    assert [look_up(late, number(each)) for each in range(10)] == people


def test_nobody_is_registered_twice_while_versions_change(services: Services) -> None:
    """Four processes try to register the same persons, and look them up, while two versions come and go."""
    made: dict[int, list[UUID]] = {each: [] for each in range(40)}
    failures: list[BaseException] = []

    def at_work(place: int) -> None:
        own = process(services)
        for each in range(40):
            try:
                made[each].append(register(own, number(each)))
            except ConflictError as error:
                found = look_up(own, number(each))
                if found is None or error.members["subject"] is None:
                    failures.append(error)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=at_work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        begin_rekeying(services)
        while go_on_rekeying(services, batch=3).left:
            pass
    for thread in threads:
        thread.join()
    assert failures == []
    assert [len(found) for found in made.values()] == [1] * 40
    assert rows(services, "select count(*), count(distinct subject) from identifiers") == [(40, 40)]
    assert rows(services, "select max(version) > 2 from keys.index_roots") == [(True,)]


def test_marks_of_the_erased_go_on_under_every_version(services: Services) -> None:
    first, second, third = (register(services, number(each)) for each in range(3))
    erase(services, first)
    begin_rekeying(services)
    erase(services, second)
    go_on_rekeying(services)
    erase(services, third)
    for own in (services, process(services)):
        with own.unit(SHOP) as unit:
            assert [is_suppressed(unit, "customer_number", f"C{each}") for each in range(4)] == [
                True,
                True,
                True,
                False,
            ]
        for each in range(3):
            with pytest.raises(SubjectErasedError):
                register(own, number(each))


def test_what_cannot_be_opened_keeps_its_digest_and_is_still_found(services: Services) -> None:
    people = [register(services, number(each)) for each in range(3)]
    with services.database.connection() as db:
        db.execute("update identifiers set sealed = 'x' where subject = %s", (people[0],))
    begin_rekeying(services)
    done = go_on_rekeying(services)
    assert (done.digested, done.unreadable, done.left) == (2, 1, 1)
    assert [look_up(services, number(each)) for each in range(3)] == people
    assert rows(services, "select state from keys.index_roots where version = 1") == [("old",)]


def test_without_a_beginning_nothing_happens(services: Services) -> None:
    register(services, number(1))
    before = rows(services, "select * from identifiers")
    done = go_on_rekeying(services)
    assert (done.version, done.digested, done.left) == (1, 0, 0)
    assert rows(services, "select * from identifiers") == before
