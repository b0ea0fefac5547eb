"""P8: somebody with full access to the database, and without the keys, moves sealed values about: between
rows, columns, tables, subjects and versions. None opens anywhere but where it was sealed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from service.actor import Actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.data_key import DataKey
from service.crypto.keyring import WrappedKey, create_key_file
from service.crypto.reading import of_data
from service.errors import UnavailableError
from service.ids import new_id, new_subject_id
from service.policy import Candidate, Level, evaluate_all
from service.policy.pilots import Arm
from service.storage import (
    cases,
    chunks,
    endpoints,
    idempotency,
    inbox,
    jobs,
    outbox,
    permits,
    reorders,
    reviews,
    signals,
    withdrawals,
)
from service.storage.access_log import read_reads, record_read
from service.storage.choices import Choices
from service.storage.decisions import read_decision_id, read_decisions, record_decisions
from service.storage.endpoints import EndpointDetails
from service.storage.identifiers import add_identifier, read_identifiers
from service.storage.permit_tokens import Name
from service.storage.policies import publish_policy
from service.storage.requests import read_request, read_steps
from service.storage.subjects import (
    Subject,
    create_subject,
    lock_subject,
    read_events,
    read_subject,
    read_subject_at,
    save_activity,
    save_change,
    save_choices,
)
from service.storage.unit import Unit
from service.use_cases.file_request import file_request

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
POLICY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"
SYSTEM = Actor("system", frozenset({"system", "dpo"}))
DATA = ("purchases", "usage")

Reader = Callable[[Unit], object]


@dataclass
class Cell:
    """One sealed value: where it stands, and the service's own way to read it. The reading answers None or
    raises for what does not open."""

    table: str
    row: dict[str, Any]
    read: Reader
    column: str = "sealed"

    def __str__(self) -> str:
        return f"{self.table} {self.row}"


@pytest.fixture
def services(database: str, tmp_path: Path) -> Iterator[Services]:
    environ = {"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_DATABASE_URL": database}
    config = Config.from_environ(environ)
    create_key_file(config.key_file)
    services = build_services(config, clock=lambda: NOW)
    with services.database.transaction() as db:
        publish_policy(db, json.loads(POLICY.read_text()), NOW)
    yield services
    services.close()


def cells_of(unit: Unit) -> list[Cell]:
    """Two of everything for each of two subjects and two jobs."""
    found: list[Cell] = []
    for number in range(2):
        subject = create_subject(unit, new_subject_id(), Choices("Europe/Stockholm", "sv", "SE"))
        for each in range(2):
            found += _cells(unit, subject, 10 * number + each)
        # The versions that the subject has now; the ones before are among the cells already.
        assert (subject.epoch, subject.activity_version) == (3, 2)
        found.append(Cell("keys.data_keys", {"owner": subject.id}, _reads_subject(subject.id), "wrapped"))
        found += _job_cells(unit)
        found += _endpoint_cells(unit)
    return found


def _reads_subject(subject: UUID) -> Reader:
    return lambda unit: read_subject(unit, subject)


def _cells(unit: Unit, subject: Subject, number: int) -> Iterator[Cell]:
    who = subject.id
    event = save_change(unit, subject, {"kind": "consent", "number": number})
    yield Cell(
        "consent_events", {"id": event.id}, lambda u: _one(read_events(u, lock_subject(u, who)), event.id)
    )
    save_activity(unit, subject)
    epoch, activity = subject.epoch, subject.activity_version
    read = lambda u: read_subject_at(u, who, epoch, activity)  # noqa: E731
    yield Cell("subject_states", {"subject": who, "epoch": epoch}, read)
    yield Cell("subject_activity", {"subject": who, "version": activity}, read)

    identifier = add_identifier(unit, subject, "customer_number", f"C{number}")
    yield Cell(
        "identifiers",
        {"id": identifier},
        lambda u: _one(read_identifiers(u, lock_subject(u, who)), identifier),
    )

    data = DATA[number % 2]
    digest = signals.dedupe_digest(unit, who, "purchase", str(number))
    content = signals.SignalContent("purchase", str(number), {})
    signals.insert_signals(unit, [signals.SignalRow(subject, digest, unit.now, data, content)])
    row = unit.db.execute("select id from signals where dedupe = %s", (digest,)).fetchone()
    assert row is not None
    signal = row[0]
    yield Cell("signals", {"id": signal}, lambda u: _signal(u, who, signal, data))

    candidate = Candidate(
        "c1", "marketing", Level.curate, "beauty.skin", "cream", ("app",), (), 1, 9900, "SEK", None, True
    )
    decisions = evaluate_all(unit.policy, subject.state(unit.now), [candidate], unit.now)
    decision, _ = read_decision_id(record_decisions(unit, subject, [candidate], decisions)[0])
    yield Cell("decisions", {"id": decision}, lambda u: read_decisions(u.db, u.keyring, decision))

    reorder = new_id()
    details = reorders.ReorderDetails(
        candidate,
        "Cream",
        "coach",
        "app",
        reorders.StoredRunOut(NOW, NOW, NOW),
        "dec_x",
        [],
        str(number),
        [reorders.step(unit, "proposed", "run_out")],
    )
    assert reorders.insert_reorder(unit, subject, reorder, str(number), details)
    read = lambda u: _one(reorders.read_reorders(u, lock_subject(u, who)), reorder).details  # noqa: E731
    yield Cell("reorders", {"id": reorder}, read)
    yield Cell("reorder_steps", {"reorder": reorder, "number": 1}, read)

    asked = reviews.ReviewContent("cream", "Cream", number + 1, "automate", NOW)
    reviews.insert_review(unit, subject, reorder, asked)
    [review] = [each.id for each in reviews.read_reviews(unit, subject) if each.reorder == reorder]
    yield Cell(
        "reviews",
        {"id": review},
        lambda u: _one(reviews.read_reviews(u, lock_subject(u, who)), review).content,
    )

    kept = withdrawals.insert_withdrawal(
        unit,
        subject,
        reorders.Reorder(reorder, "delivered", NOW, NOW, details, 1),
        "accepted",
        withdrawals.WithdrawalDetails("Aino", f"{number}@example.fi", "app"),
    )
    yield Cell(
        "withdrawals",
        {"id": kept.id},
        lambda u: _one(withdrawals.read_withdrawals(u, lock_subject(u, who)), kept.id),
    )

    permit = permits.Permit(Name(decision, number), f"client-{number}", candidate, NOW)
    permits.settle_permit(unit, subject, permit, "redeemed")
    yield Cell(
        "permits",
        {"decision": decision, "place": number},
        lambda u: permits.read_settled(u, [lock_subject(u, who)])[permit.name].details,
    )

    case = new_id()
    arm = Arm("replenishment", "automate", "*", "shadow")
    shadow = cases.Shadow(arm, "cream", None, str(number), "dec_x", NOW, NOW)
    assert cases.insert_case(unit, subject, case, str(number), shadow)
    yield Cell("cases", {"id": case}, lambda u: _one(cases.read_cases(u, lock_subject(u, who)), case).details)

    waiting = outbox.insert_message(
        unit, subject, outbox.Message("reminder", str(number), candidate, "coach", "dec_x", {}), NOW
    )
    yield Cell("outbox", {"id": waiting}, lambda u: _message(u, who, waiting))

    request = file_request(unit, who, "access").id
    yield Cell(
        "request_steps",
        {"request": request},
        lambda u: read_steps(u, lock_subject(u, who), read_request(u, request)),
    )

    before = {each.id for each in read_reads(unit, subject)}
    record_read(unit, subject, f"GET /{number}")
    [entry] = {each.id for each in read_reads(unit, subject)} - before
    yield Cell("access_log", {"id": entry}, lambda u: _one(read_reads(u, lock_subject(u, who)), entry))

    before = {each.id for each in inbox.read_whole_inbox(unit, subject)}
    inbox.put_message(unit, subject, f"{who}-{number}", {"title": str(number)})
    [message] = {each.id for each in inbox.read_whole_inbox(unit, subject)} - before
    yield Cell(
        "inbox_messages",
        {"id": message},
        lambda u: _one(inbox.read_whole_inbox(u, lock_subject(u, who)), message),
    )

    yield _answer(unit, f"key-{number}", who if number % 2 else None)


def _answer(unit: Unit, key: str, subject: UUID | None) -> Cell:
    claim = idempotency.claim_of(unit, key, b"digest")
    assert idempotency.claim(unit, claim) is None
    idempotency.keep(unit, claim, idempotency.Answer(201, key.encode()), subject)
    return Cell("idempotency_keys", {"blind": claim.blind}, lambda u: idempotency.claim(u, claim))


def _job_cells(unit: Unit) -> Iterator[Cell]:
    job = new_id()
    key = jobs.create_job(unit, job)
    for number in range(2):
        packed = chunks.pack(unit.actor, [], [(new_id().bytes, [])])
        jobs.add_chunk(unit, key, job, number, size=1, packed=packed)
        take: Reader = lambda u, number=number: jobs.take_chunk(u.db, u.keyring, job, number)  # type: ignore[misc]  # noqa: E731
        yield Cell("job_chunks", {"job": job, "number": number}, take)
    yield Cell(
        "keys.data_keys", {"owner": job}, lambda u: jobs.take_chunk(u.db, u.keyring, job, 0), "wrapped"
    )


def _message(unit: Unit, who: UUID, message: UUID) -> object:
    entry = outbox.hold_message(unit, message, lock_subject(unit, who))
    assert entry is not None
    return entry.message


def _endpoint_cells(unit: Unit) -> Iterator[Cell]:
    endpoint = new_id()
    endpoints.insert_endpoint(unit, endpoint, ["consent.changed"], None, EndpointDetails("Till", "Till"))
    read: Reader = lambda u: endpoints.read_endpoint(u.db, u.keyring, endpoint)  # noqa: E731
    yield Cell("webhook_endpoints", {"id": endpoint}, read)
    yield Cell("keys.data_keys", {"owner": endpoint}, read, "wrapped")


def _one(found: list[Any], wanted: UUID) -> Any:
    [one] = [each for each in found if each.id == wanted]
    return one


def _signal(unit: Unit, who: UUID, signal: UUID, data: str) -> object:
    subject = lock_subject(unit, who)
    sealed = _one(signals.read_sealed(unit, subject), signal)
    return signals.open_signal(subject, sealed, data, of_data("a test", data))


def opens(unit: Unit, cell: Cell) -> bool:
    try:
        return cell.read(unit) is not None
    except UnavailableError:
        return False


def put(unit: Unit, cell: Cell, column: str, value: object) -> None:
    schema, _, table = cell.table.rpartition(".")
    where = sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in cell.row)
    statement = sql.SQL("update {} set {} = %s where {}").format(
        sql.Identifier(schema or "public", table), sql.Identifier(column), where
    )
    cursor = unit.db.execute(statement, (value, *cell.row.values()))
    assert cursor.rowcount == 1, cell


def get(unit: Unit, cell: Cell) -> bytes:
    schema, _, table = cell.table.rpartition(".")
    where = sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in cell.row)
    statement = sql.SQL("select {} from {} where {}").format(
        sql.Identifier(cell.column), sql.Identifier(schema or "public", table), where
    )
    row = unit.db.execute(statement, tuple(cell.row.values())).fetchone()
    assert row is not None
    return bytes(row[0])


@pytest.fixture
def unit(services: Services) -> Iterator[Unit]:
    with services.unit(SYSTEM) as unit:
        # The attacker is not kept from anything by roles, triggers or foreign keys.
        unit.db.execute("set local role none")
        unit.db.execute("set local session_replication_role = replica")
        yield unit


def test_no_sealed_table_is_forgotten_here(unit: Unit) -> None:
    tried = {(cell.table, cell.column) for cell in cells_of(unit)}
    columns = unit.db.execute(
        """select (case table_schema when 'public' then '' else table_schema || '.' end) || table_name,
        column_name from information_schema.columns
        where data_type = 'bytea' and column_name in ('sealed', 'wrapped')
        and table_schema in ('public', 'keys')"""
    )
    # The roots of the blind indexes are tried below: there is one of each version.
    assert tried == set(columns.fetchall()) - {("keys.index_roots", "wrapped")}


def test_no_value_opens_where_it_was_not_sealed(unit: Unit) -> None:
    cells = cells_of(unit)
    values = [get(unit, cell) for cell in cells]
    assert all(opens(unit, cell) for cell in cells)
    attacks = 0
    for cell, own in zip(cells, values, strict=True):
        for value in values:
            if value == own:
                continue
            with unit.db.transaction(force_rollback=True):
                put(unit, cell, cell.column, value)
                assert not opens(unit, cell), f"{cell} opens with another's value"
            attacks += 1
        assert opens(unit, cell)
    assert attacks > 2000


def test_no_row_opens_under_another_owner(unit: Unit) -> None:
    """The row itself is given to the other subject, whose key the service then uses."""
    cells = [
        cell
        for cell in cells_of(unit)
        if cell.table
        in {
            *("consent_events", "identifiers", "signals", "decisions", "reorders", "reviews", "access_log"),
            *("inbox_messages", "cases", "withdrawals"),
        }
    ]
    rows = {}
    for cell in cells:
        row = unit.db.execute(
            sql.SQL("select subject from {} where id = %s").format(sql.Identifier(cell.table)),
            (cell.row["id"],),
        ).fetchone()
        assert row is not None
        rows[cell.row["id"]] = row[0]
    owners = sorted(set(rows.values()))
    assert len(owners) == 2
    readers: dict[str, Callable[[Unit, Subject], object]] = {
        "consent_events": read_events,
        "identifiers": read_identifiers,
        "access_log": read_reads,
        "inbox_messages": inbox.read_whole_inbox,
        "withdrawals": withdrawals.read_withdrawals,
    }
    for cell in cells:
        other = next(owner for owner in owners if owner != rows[cell.row["id"]])
        with unit.db.transaction(force_rollback=True):
            if cell.table == "consent_events":
                put(unit, cell, "number", 99)
            put(unit, cell, "subject", other)
            subject = lock_subject(unit, other)
            if cell.table in readers:
                read = readers[cell.table]
                with pytest.raises(UnavailableError):
                    read(unit, subject)
            elif cell.table == "signals":
                sealed = _one(signals.read_sealed(unit, subject), cell.row["id"])
                assert all(
                    signals.open_signal(subject, sealed, data, of_data("a test", data)) is None
                    for data in DATA
                )
            elif cell.table == "cases":
                assert _one(cases.read_cases(unit, subject), cell.row["id"]).details is None
            elif cell.table == "reorders":
                assert _one(reorders.read_reorders(unit, subject), cell.row["id"]).details is None
            elif cell.table == "reviews":
                assert _one(reviews.read_reviews(unit, subject), cell.row["id"]).content is None
            else:
                assert not opens(unit, cell)


def test_an_older_version_does_not_pass_for_the_present_one(unit: Unit) -> None:
    """A withdrawal is not undone by putting back the state before it, nor by renumbering the versions."""
    subject = create_subject(unit, new_subject_id(), Choices("Europe/Stockholm", "sv", "SE"))
    save_choices(unit, subject)
    save_choices(unit, subject)
    with unit.db.transaction(force_rollback=True):
        unit.db.execute(
            """update subject_states new set sealed = old.sealed from subject_states old
            where new.epoch = 3 and old.epoch = 2 and new.subject = old.subject"""
        )
        with pytest.raises(UnavailableError):
            read_subject(unit, subject.id)
    with unit.db.transaction(force_rollback=True):
        unit.db.execute("update subject_states set epoch = 9 where epoch = 3")
        unit.db.execute("update subject_states set epoch = 3 where epoch = 2")
        with pytest.raises(UnavailableError):
            read_subject(unit, subject.id)
    read_subject(unit, subject.id)


def test_a_signal_does_not_pass_for_one_of_another_data_category(unit: Unit) -> None:
    subject = create_subject(unit, new_subject_id(), Choices("Europe/Stockholm", "sv", "SE"))
    [cell] = [cell for cell in _cells(unit, subject, 0) if cell.table == "signals"]
    sealed = _one(signals.read_sealed(unit, subject), cell.row["id"])
    assert signals.open_signal(subject, sealed, DATA[0], of_data("a test", DATA[0])) is not None
    assert signals.open_signal(subject, sealed, DATA[1], of_data("a test", DATA[1])) is None


def test_a_root_of_the_blind_indexes_opens_in_its_version_alone(unit: Unit, services: Services) -> None:
    unit.index.identifier("email", "a@b.se")
    found = unit.keyring.seal_root(2, b"r" * 32)
    assert unit.keyring.open_root(2, found) == b"r" * 32
    for version in (1, 3):
        with pytest.raises(UnavailableError):
            unit.keyring.open_root(version, found)
    owner = new_id()
    _, data_key = unit.keyring.new_data_key(owner)
    with pytest.raises(UnavailableError):
        unit.keyring.open_root(2, data_key)
    with pytest.raises(UnavailableError):
        unit.keyring.unwrap(owner, found)


def test_a_data_key_under_one_key_does_not_pass_for_one_of_another(unit: Unit) -> None:
    owner = new_id()
    key, (kek, wrapped) = unit.keyring.new_data_key(owner)
    assert isinstance(key, DataKey)
    with pytest.raises(UnavailableError):
        unit.keyring.unwrap(owner, WrappedKey(f"{kek}x", wrapped))
    with pytest.raises(UnavailableError):
        unit.keyring.unwrap(new_id(), WrappedKey(kek, wrapped))
    assert unit.now + timedelta(0) == NOW
