"""A superuser changes rows: every change is found, and the first bad entry is named. Where the real signing
key was used as well, the witness finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from service import ids
from service.actor import show_subject
from service.audit.dump import VERIFIER, DatabaseDump, FolderDump, write_dump
from service.audit.sources import DatabaseSource
from service.audit.verify import Report, verify
from service.audit.witness import RewrittenError, open_witness
from service.crypto.chain import GENESIS, event_digest
from service.crypto.checkpoint import Checkpoint, sign_checkpoint
from service.crypto.merkle import Frontier
from service.crypto.signed_note import NoteSigner, NoteVerifier
from service.errors import LedgerError
from service.storage.ledger_export import snapshot
from service.storage.subjects import lock_subject
from service.use_cases.erase_subject import erase_subject
from service.use_cases.filter_chunk import filter_chunk
from service.use_cases.seal_ledger import seal_ledger
from tests.api.helpers import Installation, installed
from tests.api.people import DPO, add_products, candidate
from tests.ledger.entries import answer, decide, people
from tests.servers import Servers

AT = "2026-11-22T09:00:00Z"


@pytest.fixture
def there(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    """Nine entries under three checkpoints: two people's answers and decisions, and a chunk of a job."""
    with installed(servers, tmp_path) as found:
        add_products(found.services)
        one, two = people(found, 2)
        for batch in range(2):
            for person in (one, two):
                answer(found, person)
            decide(found, one if batch else two)
            seal_ledger(found.services)
        body = {"candidates": [{"subject": show_subject(p), "candidate": candidate()} for p in (one, two)]}
        job = found.client.post("/v1/candidates", json=body, headers=found.token("shop")).get_json()["job"]
        job_id = ids.read(ids.JOB, job)
        assert filter_chunk(found.services, job_id, 0) or filter_chunk(found.services, job_id, 1)
        answer(found, one)
        answer(found, two)
        seal_ledger(found.services)
        yield found


@contextmanager
def superuser(there: Installation) -> Iterator[psycopg.Connection]:
    with psycopg.connect(str(there.services.config.database_url)) as db:
        db.execute("set session_replication_role = replica")
        yield db


def check(there: Installation, *, keys: bool = True, folder: Path | None = None) -> Report:
    """What the verifier says of the database, or of an export of it."""
    keyring = there.services.keyring if keys else None
    verifier = there.services.log_key.verifier
    with snapshot(there.services.database) as db:
        dump = DatabaseDump(db, keyring)
        if folder is None:
            return verify(dump, verifier)
        write_dump(dump, folder, str(verifier), openings=keys)
    return verify(FolderDump(folder), NoteVerifier.read((folder / VERIFIER).read_text()))


def test_an_untouched_ledger_holds(there: Installation, tmp_path: Path) -> None:
    for report in (check(there), check(there, folder=tmp_path / "dump")):
        assert report.findings == []
        assert (report.size, report.checkpoints, report.content.gone, report.content.opened) == (9, 3, 0, 9)
    hidden = check(there, keys=False, folder=tmp_path / "hidden")
    assert (hidden.findings, hidden.content.opened) == ([], 0)
    assert not (tmp_path / "hidden" / "openings.jsonl").exists()
    assert not (tmp_path / "hidden" / "heads.jsonl").exists()


def test_an_export_says_nothing_that_anybody_said(there: Installation, tmp_path: Path) -> None:
    check(there, folder=tmp_path / "dump")
    text = b"".join(path.read_bytes() for path in (tmp_path / "dump").iterdir())
    for word in (b"personal_offers", b"withdrawn", b"knappen", b"customer"):
        assert word not in text


@pytest.mark.parametrize("keys", [True, False], ids=["with keys", "without keys"])
@pytest.mark.parametrize(
    ("tamper", "first"),
    [
        ("delete from ledger.leaves where position = 4", "entry 4 is missing"),
        ("delete from ledger.leaves where position = 0", "entry 0 is missing"),
        ("delete from ledger.leaves where position >= 7", "entry 7 is missing: 9 entries were signed for"),
        ("truncate ledger.leaves", "entry 0 is missing: 9 entries were signed for"),
        (
            "update ledger.leaves set commitment = sha256(commitment) where position = 4",
            "entry 4 is not the one that its node was computed from",
        ),
        (  # reorder: two commitments change places
            """update ledger.leaves a set commitment = b.commitment from ledger.leaves b
            where (a.position, b.position) in ((3, 5), (5, 3))""",
            "entry 3 is not the one that its node was computed from",
        ),
        (  # delete and close the gap
            """delete from ledger.leaves where position = 4;
            update ledger.leaves set position = position - 1 where position > 4""",
            "entry 4 is not the one that its node was computed from",
        ),
        (  # replay at the end
            """insert into ledger.leaves
            select 9, entry, kind, at, commitment from ledger.leaves where position = 2""",
            "entry 9 repeats entry 2",
        ),
        ("delete from ledger.nodes where position = 5", "the nodes of entry 5 are missing"),
        (
            """update ledger.nodes set hashes = overlay(hashes placing '\\x00' from 40 for 1)
            where position = 5""",
            "the nodes above entry 5 are not those of the entries below them",
        ),
        (
            """update ledger.nodes a set hashes = b.hashes from ledger.nodes b
            where a.position = 4 and b.position = 6""",
            "entry 4 is not the one that its node was computed from",
        ),
        ("truncate ledger.nodes", "the nodes of entry 0 are missing"),
        (
            "insert into ledger.nodes select 9, hashes from ledger.nodes where position = 8",
            "entry 9 is missing: nodes of it are there",
        ),
        ("truncate ledger.checkpoints", "entry 0 stands in the log, and in no checkpoint"),
        (
            "delete from ledger.checkpoints where size = 9",
            "entry 6 stands in the log, and in no checkpoint",
        ),
        (
            "update ledger.checkpoints set root = sha256(root) where size = 6",
            "the row of the checkpoint of 6 entries is not what was signed",
        ),
        (
            "update ledger.checkpoints set size = 5 where size = 6",
            "the row of the checkpoint of 5 entries is not what was signed",
        ),
        (
            """update ledger.checkpoints a set note = b.note from ledger.checkpoints b
            where a.size = 3 and b.size = 6""",
            "the row of the checkpoint of 3 entries is not what was signed",
        ),
        (
            "update ledger.checkpoints set note = replace(note, E'\\n9\\n', E'\\n8\\n') where size = 9",
            "the checkpoint of 9 entries: the signature of",
        ),
    ],
)
def test_a_changed_log_is_found(
    there: Installation, tmp_path: Path, tamper: str, first: str, keys: bool
) -> None:
    with superuser(there) as db:
        db.execute(tamper)  # type: ignore[arg-type]
    report = check(there, keys=keys, folder=tmp_path / "dump")
    assert report.findings
    assert first in report.findings[0].message, report.findings[:3]


def events(there: Installation) -> list[tuple[UUID, int, UUID, int]]:
    """Subject, number, event and position, in the order of the log."""
    with there.services.database.connection() as db:
        return db.execute(
            "select e.subject, e.number, e.id, l.position from consent_events e"
            " join ledger.leaves l on l.entry = e.id order by l.position"
        ).fetchall()


Tamper = Callable[[psycopg.Connection, list[tuple[UUID, int, UUID, int]]], str]


def delete_in_the_middle(db: psycopg.Connection, found: list[tuple[UUID, int, UUID, int]]) -> str:
    subject, number, event, _ = next(each for each in found if each[1] == 2)
    db.execute("delete from consent_events where id = %s", (event,))
    return f"event {number} of {subject} is missing"


def edit(db: psycopg.Connection, found: list[tuple[UUID, int, UUID, int]]) -> str:
    subject, number, event, _ = found[1]
    db.execute("update consent_events set sealed = sealed || '\\x00' where id = %s", (event,))
    return f"event {number} of {subject} is not the one that its digest was made of"


def backdate(db: psycopg.Connection, found: list[tuple[UUID, int, UUID, int]]) -> str:
    subject, number, event, _ = found[2]
    db.execute("update consent_events set at = at - interval '1 day' where id = %s", (event,))
    return f"event {number} of {subject} is not the one that its digest was made of"


def reorder(db: psycopg.Connection, found: list[tuple[UUID, int, UUID, int]]) -> str:
    subject = found[0][0]
    db.execute("alter table consent_events drop constraint consent_events_in_order")
    db.execute("update consent_events set number = 3 - number where subject = %s and number < 3", (subject,))
    return f"event 1 of {subject} does not follow the one before it"


def replay(db: psycopg.Connection, found: list[tuple[UUID, int, UUID, int]]) -> str:
    subject, _, event, _ = found[0]
    db.execute(
        "insert into consent_events select gen_random_uuid(), subject, 4, at, previous, digest, sealed"
        " from consent_events where id = %s",
        (event,),
    )
    return f"event 4 of {subject}"


def move_to_another(db: psycopg.Connection, found: list[tuple[UUID, int, UUID, int]]) -> str:
    subject, _, event, _ = found[0]
    other = next(each[0] for each in found if each[0] != subject)
    db.execute("update consent_events set subject = %s, number = 4 where id = %s", (other, event))
    return f"event 4 of {other} does not follow the one before it"


@pytest.mark.parametrize("tamper", [delete_in_the_middle, edit, backdate, reorder, replay, move_to_another])
def test_changed_events_are_found_without_any_key(
    there: Installation, tmp_path: Path, tamper: Tamper
) -> None:
    found = events(there)
    with superuser(there) as db:
        first = tamper(db, found)
    report = check(there, keys=False, folder=tmp_path / "dump")
    assert first in report.findings[0].message, report.findings[:3]


def test_a_chain_that_was_cut_off_is_found_by_the_sealed_head(there: Installation) -> None:
    found = events(there)
    subject, _, event, _ = next(each for each in found if each[1] == 3)
    with superuser(there) as db:
        db.execute("delete from consent_events where id = %s", (event,))
    assert check(there).findings[0].message == f"event 3 of {subject} is missing: 3 were recorded"
    with superuser(there) as db:
        db.execute("delete from consent_events where subject = %s", (subject,))
    assert check(there).findings[0].message == f"event 1 of {subject} is missing: 3 were recorded"


def test_a_chain_that_was_made_anew_is_found_by_the_commitments(there: Installation) -> None:
    """An event's instant is changed and every digest after it computed again: only what was committed to the
    log still knows."""
    subject, _, event, position = events(there)[0]
    with superuser(there) as db:
        db.execute("update consent_events set at = at - interval '1 day' where id = %s", (event,))
        rechain(db, subject)
    report = check(there)
    assert report.findings[0].message == f"entry {position} does not commit to the consent_event {event}"


def test_a_changed_decision_is_found(there: Installation) -> None:
    with superuser(there) as db:
        row = db.execute(
            "select d.id, l.position from decisions d"
            " join ledger.leaves l on l.entry = d.id order by l.position limit 1"
        ).fetchone()
        assert row is not None
        db.execute("update decisions set policy = policy + 1 where id = %s", (row[0],))
    assert check(there).findings[0].message == f"entry {row[1]} does not commit to the decisions {row[0]}"


def test_a_changed_decision_of_a_chunk_is_found_without_any_key(there: Installation) -> None:
    with superuser(there) as db:
        row = db.execute("update decisions set epoch = 77 where position = 1 returning id").fetchone()
        assert row is not None
    report = check(there, keys=False)
    assert f"the decisions {row[0]} are not in chunk" in report.findings[0].message
    with superuser(there) as db:
        db.execute("update ledger.parts set digests = sha256(digests)")
    assert any("does not commit to the chunk" in finding.message for finding in check(there).findings)


def test_an_event_that_never_entered_is_found(there: Installation) -> None:
    subject = events(there)[0][0]
    with superuser(there) as db:
        answer(there, subject)
        db.execute("truncate ledger.pending")
    finding = check(there, keys=False).findings[0].message
    assert f"event 4 of {subject}" in finding
    assert "has no entry in the log" in finding


def test_erasure_breaks_nothing(there: Installation, tmp_path: Path) -> None:
    subject = events(there)[0][0]
    with there.services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, subject))
    report = check(there, folder=tmp_path / "dump")
    assert (report.findings, report.size) == ([], 9)
    # Three answers and one decision; the chunk is still there for the other's sake.
    assert (report.content.gone, report.content.opened) == (4, 5)


def rechain(db: psycopg.Connection, subject: UUID) -> None:
    """Compute every digest of a chain again, as whoever reads this code could."""
    previous = GENESIS
    rows = db.execute(
        "select id, number, at, sealed from consent_events where subject = %s order by number", (subject,)
    ).fetchall()
    for event, number, at, sealed in rows:
        digest = event_digest(previous, subject=subject, number=number, event=event, at=at, sealed=sealed)
        db.execute(
            "update consent_events set previous = %s, digest = %s where id = %s", (previous, digest, event)
        )
        previous = digest


def rewrite(there: Installation, signer: NoteSigner, leave_out: int) -> None:
    """The whole log once more without one entry, nodes and checkpoints included."""
    with superuser(there) as db:
        db.execute("delete from ledger.leaves where position = %s", (leave_out,))
        db.execute("update ledger.leaves set position = position - 1 where position > %s", (leave_out,))
        db.execute("truncate ledger.nodes, ledger.checkpoints")
        frontier = Frontier()
        leaves = db.execute("select position, commitment from ledger.leaves order by position").fetchall()
        for position, commitment in leaves:
            db.execute("insert into ledger.nodes values (%s, %s)", (position, frontier.append(commitment)))
        checkpoint = Checkpoint(frontier.size, frontier.root())
        note = sign_checkpoint(signer, checkpoint)
        values = (checkpoint.size, checkpoint.root, note)
        db.execute("insert into ledger.checkpoints values (%s, %s, %s, now())", values)


def test_a_log_signed_by_another_key_is_found(there: Installation) -> None:
    signer = NoteSigner.generate(there.services.log_key.name)
    rewrite(there, signer, 2)
    assert "is not signed by" in check(there, keys=False).findings[0].message


def test_a_full_rewrite_with_the_real_key_is_caught_by_the_witness(
    there: Installation, tmp_path: Path
) -> None:
    services, file = there.services, tmp_path / "elsewhere" / "witness.jsonl"
    file.parent.mkdir()
    source = DatabaseSource(services.database)
    witness = open_witness(file, services.log_key.verifier)
    assert witness.take(source.note(), source.consistency, AT).size == 9
    decision = next(n for n in range(9) if n not in {each[3] for each in events(there)})
    with services.database.connection() as db:
        kind = db.execute("select kind, entry from ledger.leaves where position = %s", (decision,)).fetchone()
        assert kind is not None
    with superuser(there) as db:
        db.execute("delete from decisions where id = %s", (kind[1],))
    rewrite(there, services.log_key, decision)
    # Everything fits together again, and the real key has signed it.
    assert check(there).findings == []
    with pytest.raises(RewrittenError, match="shrunk"):
        open_witness(file).take(source.note(), source.consistency, AT)
    for _ in range(3):
        decide(there, events(there)[0][0])
    seal_ledger(services)
    assert check(there).findings == []
    with pytest.raises(RewrittenError, match="does not begin with the 9"):
        open_witness(file).take(source.note(), source.consistency, AT)
    seen = open_witness(file).seen
    assert [each.size for each in seen] == [9]
    with snapshot(services.database) as db:
        report = verify(DatabaseDump(db, services.keyring), services.log_key.verifier, seen)
    assert report.findings[0].message == (
        "the tree of 9 entries is not the one that a witness kept: the first bad entry is one of 0 to 8"
    )
    assert file.read_text().count("conflict") == 2


def test_a_witness_follows_the_log_and_trusts_one_key(there: Installation, tmp_path: Path) -> None:
    services, file = there.services, tmp_path / "witness.jsonl"
    source = DatabaseSource(services.database)
    person = events(there)[0][0]
    for size in (9, 9, 10, 12):
        while True:
            with services.database.connection() as db:
                row = db.execute("select count(*) from ledger.leaves").fetchone()
                assert row is not None
            if row[0] == size:
                break
            decide(there, person)
            seal_ledger(services)
        taken = open_witness(file, services.log_key.verifier).take(source.note(), source.consistency, AT)
        assert taken.size == size
    assert [each.size for each in open_witness(file).seen] == [9, 10, 12]
    with pytest.raises(RewrittenError, match="now signs as"):
        open_witness(file, NoteSigner.generate("o").verifier)
    with pytest.raises(RewrittenError, match="cannot be trusted"):
        open_witness(file).take("nonsense", source.consistency, AT)
    with pytest.raises(LedgerError, match="no key is given"):
        open_witness(tmp_path / "other.jsonl")
    file.write_text("nonsense\n")
    with pytest.raises(LedgerError, match="not a witness's file"):
        open_witness(file)


@pytest.mark.parametrize("rubbish", ["nonsense", "[]", "{}", '{"position": "x"}', "\udcff"])
def test_a_dump_that_is_none_is_refused(there: Installation, tmp_path: Path, rubbish: str) -> None:
    check(there, folder=tmp_path / "dump")
    (tmp_path / "dump" / "leaves.jsonl").write_bytes(rubbish.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(LedgerError):
        verify(FolderDump(tmp_path / "dump"), there.services.log_key.verifier)
