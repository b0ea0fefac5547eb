"""The erasure journal: a file outside the database that every erasure enters before it is answered.

A copy of the database from before an erasure still holds the person and the wrapped key. Whoever brings such
a copy back reads here what must go again. Each line is JSON without personal data, and its `chain` is a
SHA-256 over the line before it, so that a changed, missing or inserted line shows. An append is one write
at the end of the file, under a lock, synced to the disk; several processes take turns.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from service import ids
from service.errors import NotFoundError, UnavailableError
from service.instants import show_instant

_GENESIS = bytes(32).hex()
_PATIENCE = 5.0
_BLOCK = 1 << 16


class JournalError(UnavailableError):
    """The erasure journal cannot be used, so nothing is erased."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure. `subjects`: the erased one and those merged into it; `marks`: the suppression marks of
    their identifiers; `certificate`: its digest. `line` is the text as it stands in the file."""

    number: int
    at: datetime
    subjects: tuple[UUID, ...]
    marks: tuple[bytes, ...]
    certificate: bytes
    chain: str
    line: str


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal in one file, made by the first append with mode 0600."""

    path: Path

    def append(
        self,
        subjects: Sequence[UUID],
        marks: Sequence[bytes],
        *,
        at: datetime,
        certificate: bytes,
        known: int,
    ) -> Entry:
        """Write an erasure down, durably. `known` is the highest number that the database knows of.

        Raises JournalError, and then nothing was written."""
        try:
            with self._locked() as file:
                last = _last(file, self.path)
                number = 1 if last is None else last.number + 1
                if number <= known:
                    raise JournalError(f"{self.path} ends before entry {known}, which the database knows")
                body = {
                    "n": number,
                    "at": show_instant(at),
                    "subjects": [ids.show(ids.SUBJECT, subject) for subject in subjects],
                    "marks": [mark.hex() for mark in marks],
                    "certificate": certificate.hex(),
                }
                line = _chained(body, _GENESIS if last is None else last.chain)
                self._write(file, line)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {error.strerror}") from error
        return read_line(line)

    def read(self) -> list[Entry]:
        """Every entry, in order; none where there is no file. A torn last line is an erasure that was never
        answered, and is left out. Raises JournalError for a damaged journal."""
        try:
            text = self.path.read_text(encoding="ascii")
            _check_mode(self.path.stat(), self.path)
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise JournalError(f"{self.path} cannot be read: {type(error).__name__}") from error
        whole = text[: text.rfind("\n") + 1]
        try:
            entries = [read_line(line) for line in whole.splitlines()]
        except JournalError as error:
            raise JournalError(f"{self.path} is damaged: {error}") from None
        for number, entry in enumerate(entries, 1):
            before = _GENESIS if number == 1 else entries[number - 2].chain
            if entry.number != number or not follows(entry, before):
                raise JournalError(f"{self.path} is damaged at line {number}")
        return entries

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add entries that the database kept and this journal lacks. Raises JournalError unless each follows
        the one before."""
        known = self.read()
        if not entries:
            return
        first = known[-1].chain if known else _GENESIS
        chain = [first, *(entry.chain for entry in entries)]
        numbered = [len(known), *(entry.number for entry in entries)]
        if not all(follows(e, before) for e, before in zip(entries, chain, strict=False)) or any(
            b != a + 1 for a, b in pairwise(numbered)
        ):
            raise JournalError(f"{self.path} and the database tell of different erasures")
        try:
            with self._locked() as file:
                self._write(file, "\n".join(entry.line for entry in entries))
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        new = not self.path.exists()
        if new:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _check_mode(os.fstat(file), self.path)
            _lock(file, self.path)
            if new:
                _sync_folder(self.path.parent)
            yield file
        finally:
            os.close(file)

    def _write(self, file: int, text: str) -> None:
        data = (text + "\n").encode("ascii")
        before = os.fstat(file).st_size
        written = 0
        try:
            written = os.write(file, data)
            os.fsync(file)
        except OSError:
            written = -1
            raise
        finally:
            # What did not become durable as a whole must not be found by the next one.
            if written != len(data):
                with suppress(OSError):
                    os.ftruncate(file, before)
        if written != len(data):
            raise JournalError(f"{self.path} cannot be written: the disk is full")


def read_line(line: str) -> Entry:
    """A line of the journal, its place in the chain unchecked. Raises JournalError."""
    try:
        body = json.loads(line)
        return Entry(
            number=int(body["n"]),
            at=datetime.fromisoformat(body["at"]),
            subjects=tuple(ids.read(ids.SUBJECT, each) for each in body["subjects"]),
            marks=tuple(bytes.fromhex(each) for each in body["marks"]),
            certificate=bytes.fromhex(body["certificate"]),
            chain=str(body["chain"]),
            line=line,
        )
    except (KeyError, TypeError, ValueError, NotFoundError):
        raise JournalError("a line cannot be read") from None


def follows(entry: Entry, before: str) -> bool:
    """Whether the entry is whole and was written behind the one whose chain is `before`."""
    body = json.loads(entry.line)
    del body["chain"]
    return _chained(body, before) == entry.line


def _chained(body: dict[str, object], before: str) -> str:
    text = json.dumps(body, separators=(",", ":"))
    chain = hashlib.sha256(f"samtycke/erasure/1\n{before}\n{text}".encode()).hexdigest()
    return json.dumps({**body, "chain": chain}, separators=(",", ":"))


def _last(file: int, path: Path) -> Entry | None:
    """The last entry. A torn line behind it, which nobody was answered about, is cut off."""
    size = os.fstat(file).st_size
    start, tail = size, b""
    while start and tail.count(b"\n") < 3:
        start = max(0, start - _BLOCK)
        tail = os.pread(file, size - start, start)
    end = tail.rfind(b"\n") + 1
    if end < len(tail):
        os.ftruncate(file, start + end)
    lines = tail[:end].decode("ascii", "replace").splitlines()
    if not lines:
        return None
    last = read_line(lines[-1])
    if len(lines) > 1:
        before = read_line(lines[-2]).chain
    elif start == 0:
        before = _GENESIS
    else:
        raise JournalError(f"{path} is damaged at its end")
    if not follows(last, before):
        raise JournalError(f"{path} is damaged at line {last.number}")
    return last


def _lock(file: int, path: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise JournalError(f"{path} is held by another process") from None
            time.sleep(0.01)
        else:
            return


def _check_mode(found: os.stat_result, path: Path) -> None:
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise JournalError(f"{path} can be read by others; set it to 0600")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
