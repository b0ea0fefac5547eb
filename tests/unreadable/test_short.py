"""The search finds what it looks for, and nothing of some customers in a dump of the database (P7)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from service.actor import Actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.embedded.demo.load import load
from service.storage.identifiers import find_by_identifiers
from service.use_cases.advance_request import verify_request
from service.use_cases.file_request import file_request
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from tests.unreadable.dump import CLEAR, dump_database
from tests.unreadable.people import about_persons, everybody, goods
from tests.unreadable.search import hits, spellings

SOME = 12
NEEDLE = "Åsa Öberg-Lindqvist"
EVIDENCE = "Pressed the button in the shop in Skellefteå"
REASON = "Called from Jokkmokk and knew her order"


@pytest.fixture
def services(database: str, tmp_path: Path) -> Iterator[Services]:
    config = Config.from_environ({"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_DATABASE_URL": database})
    create_key_file(config.key_file)
    services = build_services(config)
    yield services
    services.close()


def test_the_search_finds_every_spelling(tmp_path: Path) -> None:
    for number, (form, pattern) in enumerate(spellings(NEEDLE)):
        file = tmp_path / f"dump-{number}"
        file.write_bytes(b"\x00\xff\n\x80 noise" + pattern + b"\xfe\x00 more\n")
        if b"\n" not in pattern:
            found = hits([NEEDLE], [file], tmp_path)
            assert found, form
    (tmp_path / "empty").write_bytes(bytes(range(256)) * 100)
    assert hits([NEEDLE], [tmp_path / "empty"], tmp_path) == []


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_the_search_finds_base64_wherever_it_begins(tmp_path: Path, before: str, after: str) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(base64.b64encode(f"{before}{NEEDLE}{after}".encode()))
    assert hits([NEEDLE], [dump], tmp_path)


def test_nothing_of_anybody_stands_in_a_dump(services: Services, database: str, tmp_path: Path) -> None:
    now = services.now
    assert load(services, now, lambda line: None, size=SOME)
    officer = Actor("officer", frozenset({"dpo"}))
    with services.unit(officer) as unit:
        aino = find_by_identifiers(unit, "customer_number", ["T-900002"])["T-900002"]
        consent = RecordConsent(
            "given", Notice(2, "fi"), origin="shop", purpose="personal_offers", evidence=EVIDENCE
        )
        verify_request(unit, file_request(unit, aino, "rectification").id, REASON)
    with services.unit(Actor("aino", frozenset({"customer"}), subject=aino)) as unit:
        record_consent(unit, aino, consent)
    persons = about_persons(everybody(now, SOME)) | {EVIDENCE, "Skellefteå", REASON, "Jokkmokk"}
    assert len(persons) > 150
    whole = dump_database(database, tmp_path / "whole.sql")
    sealed = dump_database(database, tmp_path / "sealed.sql", without=CLEAR)
    assert hits(persons, [whole], tmp_path) == []
    assert hits(goods(), [sealed], tmp_path) == []
    # The same search of the same dump does find what stands in clear, and what somebody would let slip.
    assert hits(goods(), [whole], tmp_path)
    with psycopg.connect(database) as db:
        db.execute("insert into suppression_marks values (%s, now())", (b"aino.makela@example.org",))
    slipped = dump_database(database, tmp_path / "slipped.sql")
    assert hits(persons, [slipped], tmp_path)
