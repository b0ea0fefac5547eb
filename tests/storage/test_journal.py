"""The erasure journal: durable, whole, in order, and refusing whatever is not."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from service.actor import show_subject
from service.storage import journal as module
from service.storage.journal import Entry, Journal, JournalError

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
DIGEST = bytes(32)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "erasures" / "journal")


def add(journal: Journal, subject: UUID | None = None, known: int = 0) -> Entry:
    return journal.append([subject or uuid4()], [b"\x01" * 32], at=AT, certificate=DIGEST, known=known)


def test_what_is_appended_is_read_again(journal: Journal) -> None:
    assert journal.read() == []
    added = [add(journal) for _ in range(5)]
    assert journal.read() == added
    assert [entry.number for entry in added] == [1, 2, 3, 4, 5]
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert show_subject(added[0].subjects[0]) in journal.path.read_text()


def _add_many(path: Path) -> None:
    for _ in range(50):
        add(Journal(path))


def test_processes_take_turns(journal: Journal) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(journal.path,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert [entry.number for entry in journal.read()] == list(range(1, 201))


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[:1] + lines[2:],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[1].replace('"n":2', '"n":7'), *lines[2:]],
        lambda lines: [lines[0], lines[1].replace("2026", "2025"), *lines[2:]],
        lambda lines: [lines[0], "", *lines[1:]],
        lambda lines: [*lines[:-1], lines[-1][:-9]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: ["[]", *lines],
    ],
)
def test_every_damage_shows(journal: Journal, damage: Callable[[list[str]], list[str]]) -> None:
    for _ in range(4):
        add(journal)
    journal.path.write_text("".join(f"{line}\n" for line in damage(journal.path.read_text().splitlines())))
    with pytest.raises(JournalError, match="damaged"):
        journal.read()


def test_a_torn_line_was_never_answered(journal: Journal) -> None:
    first = add(journal)
    with journal.path.open("a") as file:
        file.write('{"n":2,"at":"2026-')
    assert journal.read() == [first]
    second = add(journal)
    assert second.number == 2
    assert journal.read() == [first, second]


def test_long_lines_are_found_from_the_end(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 64)
    subjects = [uuid4() for _ in range(40)]
    for number in range(1, 4):
        assert journal.append(subjects, [], at=AT, certificate=DIGEST, known=0).number == number
    assert len(journal.read()) == 3


def test_a_shorter_journal_than_the_database_knows_takes_nothing(journal: Journal) -> None:
    add(journal)
    journal.path.unlink()
    with pytest.raises(JournalError, match="which the database knows"):
        add(journal, known=1)
    assert journal.read() == []


def test_a_damaged_end_takes_nothing(journal: Journal) -> None:
    for _ in range(3):
        add(journal)
    text = journal.path.read_text()
    journal.path.write_text(text.replace('"n":3', '"n":9'))
    with pytest.raises(JournalError, match="damaged"):
        add(journal)


def test_a_full_disk_leaves_the_journal_as_it_was(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    first = add(journal)
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: write(file, data[:20]))
        with pytest.raises(JournalError, match="full"):
            add(journal)
    with monkeypatch.context() as patched:

        def fail(_file: int) -> None:
            raise OSError(5, "Input/output error")

        patched.setattr(os, "fsync", fail)
        with pytest.raises(JournalError, match="Input/output"):
            add(journal)
    assert journal.read() == [first]
    assert add(journal).number == 2


def test_an_open_journal_and_a_held_one_are_refused(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(journal)
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    with journal.path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(JournalError, match="held"):
            add(journal)
    journal.path.chmod(0o644)
    with pytest.raises(JournalError, match="0600"):
        add(journal)
    with pytest.raises(JournalError, match="0600"):
        journal.read()


def test_a_lost_end_is_completed_and_nothing_else(journal: Journal, tmp_path: Path) -> None:
    entries = [add(journal) for _ in range(4)]
    copy = Journal(tmp_path / "copy")
    copy.extend(entries[:2])
    copy.extend(entries[2:])
    assert copy.read() == entries
    other = Journal(tmp_path / "other")
    add(other)
    with pytest.raises(JournalError, match="different"):
        other.extend(entries[1:])
    with pytest.raises(JournalError, match="different"):
        Journal(tmp_path / "third").extend(entries[1:])
