"""What is written gets its place: everything once, each person's events in their order, whoever seals."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from service import ids
from service.actor import show_subject
from service.crypto.checkpoint import open_checkpoint, open_promise
from service.crypto.commitment import (
    chunk_entry,
    chunk_payload,
    commit,
    decisions_payload,
    event_payload,
    split_rows,
)
from service.crypto.keyring import WrappedKey
from service.crypto.merkle import leaf_hash, root_of, verify_inclusion
from service.errors import LedgerError
from service.storage.ledger import find_leaf, read_head
from service.storage.subjects import lock_subject, read_events, read_subject
from service.use_cases.erase_subject import erase_subject
from service.use_cases.filter_chunk import filter_chunk
from service.use_cases.prove_entry import prove_entry
from service.use_cases.seal_ledger import seal_ledger
from tests.api.helpers import Installation
from tests.api.people import DPO, add_products, candidate
from tests.ledger.entries import answer, decide, people


def commitments(there: Installation) -> list[bytes]:
    with there.services.database.connection() as db:
        rows = db.execute("select position, commitment from ledger.leaves order by position").fetchall()
    assert [position for position, _ in rows] == list(range(len(rows)))
    return [commitment for _, commitment in rows]


def test_an_entry_is_promised_at_once_and_proven_once_sealed(there: Installation) -> None:
    person = people(there, 1)[0]
    receipt = answer(there, person)["receipt"]
    promise = open_promise(there.services.log_key.verifier, receipt["promise"])
    assert (promise.entry, promise.commitment.hex()) == (receipt["event"], receipt["commitment"])
    assert promise.at == receipt["recorded_at"]
    event_id = ids.read(ids.CONSENT_EVENT, receipt["event"])
    with there.services.unit(DPO) as unit:
        subject = read_subject(unit, person)
        assert prove_entry(unit, subject, event_id) is None
    assert seal_ledger(there.services) == 1
    with there.services.unit(DPO) as unit:
        subject = read_subject(unit, person)
        proof = prove_entry(unit, subject, event_id)
        event = read_events(unit, subject)[0]
    assert proof is not None
    assert proof.commitment == promise.commitment
    assert proof.salt is not None
    assert commit(proof.salt, event_payload(event.digest, event.payload)) == proof.commitment
    signed = open_checkpoint(there.services.log_key.verifier, proof.checkpoint)
    assert (signed.size, signed.root) == (proof.size, proof.root)
    assert verify_inclusion(proof.position, signed.size, proof.leaf_hash, proof.path, signed.root)


def test_every_proof_holds_as_the_log_grows_batch_by_batch(there: Installation) -> None:
    persons = people(there, 3)
    entries: list[tuple[UUID, UUID]] = []
    for size in (1, 2, 3, 5, 8):
        for number in range(size):
            person = persons[number % 3]
            if number % 2:
                entries.append((person, ids.read(ids.DECISION, decide(there, person)[:-4])))
            else:
                receipt = answer(there, person)["receipt"]
                entries.append((person, ids.read(ids.CONSENT_EVENT, receipt["event"])))
        assert seal_ledger(there.services, batch=3) == size
        leaves = commitments(there)
        with there.services.unit(DPO) as unit:
            head = read_head(unit.db)
            assert head.checkpoint is not None
            assert (head.size, head.checkpoint.root) == (len(leaves), root_of(leaves))
            for person, entry in entries:
                proof = prove_entry(unit, read_subject(unit, person), entry)
                assert proof is not None
                assert proof.leaf_hash == leaf_hash(leaves[proof.position])
                assert verify_inclusion(
                    proof.position, head.size, proof.leaf_hash, proof.path, root_of(leaves)
                )


def test_a_decision_is_committed_with_all_its_columns(there: Installation) -> None:
    person = people(there, 1)[0]
    row = ids.read(ids.DECISION, decide(there, person)[:-4])
    seal_ledger(there.services)
    with there.services.unit(DPO) as unit:
        columns = "at, epoch, activity, policy, sealed"
        found = unit.db.execute(f"select {columns} from decisions where id = %s", (row,)).fetchone()  # type: ignore[arg-type]
        assert found is not None
        at, epoch, activity, policy, sealed = found
        payload = decisions_payload(
            row, person, at=at, epoch=epoch, activity=activity, policy=policy, sealed=sealed
        )
        leaf = find_leaf(unit.db, row)
        assert leaf is not None
        assert leaf.commitment == commit(read_subject(unit, person).data_key.salt(row), payload)


def test_writers_and_sealers_at_once_lose_nothing_and_keep_each_persons_order(there: Installation) -> None:
    persons, done = people(there, 4), threading.Event()

    def seal() -> int:
        sealed = 0
        while not done.is_set():
            sealed += seal_ledger(there.services, batch=3)
        return sealed

    def write(person: UUID) -> None:
        for number in range(12):
            answer(there, person, "withdrawn" if number % 2 else "refused")

    with ThreadPoolExecutor(6) as pool:
        sealers = [pool.submit(seal) for _ in range(2)]
        for writer in [pool.submit(write, person) for person in persons]:
            writer.result()
        done.set()
        sealed = sum(sealer.result() for sealer in sealers)
    sealed += seal_ledger(there.services)
    assert sealed == 48
    assert len(commitments(there)) == 48
    with there.services.database.connection() as db:
        rows = db.execute(
            "select e.subject, e.number from consent_events e"
            " join ledger.leaves l on l.entry = e.id order by l.position"
        ).fetchall()
        assert db.execute("select count(*) from ledger.pending").fetchone() == (0,)
    assert len(rows) == 48
    for person in persons:
        assert [number for subject, number in rows if subject == person] == list(range(1, 13))


def test_what_is_rolled_back_never_enters(there: Installation) -> None:
    person = people(there, 1)[0]
    with there.services.database.connection() as db, db.transaction(force_rollback=True):
        db.execute("insert into ledger.pending values (%s, 'decisions', 0, now(), %s)", (person, bytes(32)))
        assert seal_ledger(there.services) == 0
    assert seal_ledger(there.services) == 0


def test_a_chunk_is_one_entry_that_survives_the_erasure_of_one_of_its_people(there: Installation) -> None:
    add_products(there.services)
    persons = people(there, 3)
    body = {"candidates": [{"subject": show_subject(p), "candidate": candidate()} for p in persons]}
    job = there.client.post("/v1/candidates", json=body, headers=there.token("shop")).get_json()["job"]
    job_id = ids.read(ids.JOB, job)
    assert filter_chunk(there.services, job_id, 0) or filter_chunk(there.services, job_id, 1)
    assert seal_ledger(there.services) == 1
    with there.services.database.connection() as db:
        row = db.execute("select chunk from decisions where job = %s", (job_id,)).fetchone()
        assert row is not None
        entry = chunk_entry(job_id, row[0])
        leaf = find_leaf(db, entry)
        parts = db.execute("select digests from ledger.parts where entry = %s", (entry,)).fetchone()
        wrapped = db.execute("select kek, wrapped from keys.data_keys where owner = %s", (job_id,)).fetchone()
        kept = db.execute(
            "select id, subject, at, epoch, activity, policy, sealed from decisions where job = %s"
            " order by position",
            (job_id,),
        ).fetchall()
    assert leaf is not None
    assert parts is not None
    assert wrapped is not None
    rows = split_rows(parts[0])
    assert rows == [
        decisions_payload(r[0], r[1], at=r[2], epoch=r[3], activity=r[4], policy=r[5], sealed=r[6])
        for r in kept
    ]
    with there.services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, persons[1]))
        left = unit.db.execute("select count(*) from decisions where job = %s", (job_id,)).fetchone()
    assert left == (2,)
    key = there.services.keyring.unwrap(job_id, WrappedKey(*wrapped))
    assert leaf.commitment == commit(key.salt(entry), chunk_payload(job_id, row[0], rows))


@pytest.mark.parametrize(
    "tamper",
    [
        "delete from ledger.leaves where position = 2",
        "delete from ledger.nodes where position = 2",
        "delete from ledger.checkpoints",
        "update ledger.nodes set hashes = overlay(hashes placing '\\x00' from 1 for 1) where position = 2",
        "update ledger.checkpoints set root = '\\x00'",
        "update ledger.checkpoints set note = 'nonsense'",
        "insert into ledger.leaves select 3, entry, kind, at, commitment from ledger.leaves limit 1",
    ],
)
def test_a_log_that_was_tampered_with_is_not_signed_any_further(there: Installation, tamper: str) -> None:
    person = people(there, 1)[0]
    for _ in range(3):
        answer(there, person)
    seal_ledger(there.services)
    config = there.services.config
    with psycopg.connect(str(config.database_url)) as superuser:
        superuser.execute("set session_replication_role = replica")
        superuser.execute(tamper)  # type: ignore[arg-type]
    answer(there, person)
    with pytest.raises(LedgerError):
        seal_ledger(there.services)
    with there.services.database.connection() as db:
        assert db.execute("select count(*) from ledger.pending").fetchone() == (1,)
