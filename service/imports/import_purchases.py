"""Import a purchase file as signals, through the same gate as over HTTP: streaming, and resumable."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import msgspec

from service.actor import system_actor
from service.bootstrap import Services
from service.imports.checkpoint import FORMAT, Checkpoint, Counts, read_checkpoint, write_checkpoint
from service.imports.columns import place_columns
from service.imports.lines import Format, ImportFileError, Record, check_start, read_records
from service.imports.purchases import Dialect, LineRejectedError, PurchaseLine, PurchaseReader
from service.imports.rejects import RejectFile
from service.storage.identifiers import find_by_identifiers
from service.use_cases.store_signals import NewSignal, store_signals

_ACTOR = system_actor("import")
# No subject has it, so the gate answers `subject_unknown` where its turn comes.
_NOBODY = UUID(int=0)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class ImportFile:
    """What to import and how it is written. `batch` lines share a transaction."""

    path: Path
    form: Format = field(default_factory=Format)
    mapping: Mapping[str, str] = field(default_factory=dict)
    dialect: Dialect = field(default_factory=Dialect)
    batch: int = 2000

    @property
    def rejects(self) -> Path:
        return self.path.with_name(self.path.name + ".rejects.csv")

    @property
    def checkpoint(self) -> Path:
        return self.path.with_name(self.path.name + ".import.json")

    @property
    def options(self) -> str:
        """Differs when a line would be read in another way."""
        said = msgspec.json.encode((self.form, sorted(self.mapping.items()), self.dialect))
        return hashlib.sha256(said).hexdigest()


def import_purchases(
    services: Services,
    source: ImportFile,
    *,
    restart: bool = False,
    report: Callable[[Counts, int, int], None] = lambda _counts, _done, _size: None,
) -> Counts:
    """Import `source`, going on where an interrupted import of it stopped unless `restart`.

    `report` hears the counts, the bytes done and the file's size after each batch. Raises ImportFileError
    for a file that cannot be imported at all; a line that cannot is rejected and counted.
    """
    source.form.check()
    with _opened(source.path) as file:
        check_start(file)
        header = next(read_records(file, source.form))
        given = ("currency",) if source.dialect.currency else ()
        places = place_columns(_names(header, source.form), source.mapping, given)
        reader = PurchaseReader(places, source.dialect, services.now)
        start = None if restart else read_checkpoint(source.checkpoint)
        running = _Import(services, source, reader, start or _beginning(source, header))
        running.verify(file)
        size = source.path.stat().st_size
        for _ in running.run(file):
            report(running.counts, running.offset, size)
    source.checkpoint.unlink(missing_ok=True)
    return running.counts


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError:
        raise ImportFileError(f"{path}: another import of this file is running") from None
    except OSError as error:
        raise ImportFileError(f"{error.filename or path}: {error.strerror}") from None


def _names(header: Record, form: Format) -> list[str]:
    if header.fault is not None:
        raise ImportFileError(f"the header cannot be read: {header.fault}")
    if any("\ud800" <= char <= "\udfff" for name in header.values for char in name):
        raise ImportFileError(f"the header is not {form.encoding}; use --encoding")
    return header.values


def _beginning(source: ImportFile, header: Record) -> Checkpoint:
    digest = hashlib.sha256(header.raw).hexdigest()
    line = 1 + max(1, header.raw.count(b"\n"))
    return Checkpoint(FORMAT, source.options, len(header.raw), line, digest, 0, Counts())


class _Import:
    """One run over one file, batch by batch."""

    def __init__(
        self, services: Services, source: ImportFile, reader: PurchaseReader, start: Checkpoint
    ) -> None:
        self._services, self._source, self._reader, self._start = services, source, reader, start
        self.counts, self.offset = start.counts, start.offset
        self._digest = hashlib.sha256()
        self._batch: list[tuple[int, PurchaseLine, str]] = []
        self._block = ""
        self._seen: dict[str, int] = {}

    def verify(self, file: BinaryIO) -> None:
        """Leave the file at the start's offset, having seen that what lies before it is what was imported."""
        if self._start.options != self._source.options:
            raise ImportFileError("its import began with other options; repeat them, or --restart")
        file.seek(0)
        left = self._start.offset
        while left and (chunk := file.read(min(left, _CHUNK))):
            self._digest.update(chunk)
            left -= len(chunk)
        if left or self._digest.hexdigest() != self._start.digest:
            raise ImportFileError("it has changed since its import was interrupted; --restart begins again")
        try:
            self._rejects = RejectFile(self._source.rejects, self._start.rejects)
        except FileNotFoundError:
            raise ImportFileError(f"{self._source.rejects} is not whole; --restart begins again") from None

    def run(self, file: BinaryIO) -> Iterator[None]:
        """Yields after each batch that is committed and noted."""
        # A folder that takes no notes shows itself before anything is stored.
        self._note(self._start.line)
        for record in read_records(file, self._source.form, self._start.line):
            purchase = self._read(record)
            if purchase is not None:
                if self._is_full(purchase):
                    self._finish_batch(record.line)
                    yield
                self._batch.append((record.line, purchase, self._identity(purchase)))
            self.counts.lines += bool(record.values or record.fault)
            self._digest.update(record.raw)
            self.offset += len(record.raw)
        self._finish_batch(0)
        yield

    def _read(self, record: Record) -> PurchaseLine | None:
        reason = record.fault
        if reason is None:
            try:
                return self._reader.read(record.values) if record.values else None
            except LineRejectedError as rejection:
                reason = str(rejection)
        self.counts.count(self.counts.rejected, reason)
        self._rejects.add(record.line, reason)
        return None

    def _is_full(self, purchase: PurchaseLine) -> bool:
        """A batch ends with a receipt, so that going on from there counts its lines from the first."""
        size = len(self._batch)
        ends = purchase.block != self._block
        return (size >= self._source.batch and ends) or size >= 4 * self._source.batch

    def _identity(self, purchase: PurchaseLine) -> str:
        if purchase.block != self._block:
            self._block = purchase.block
            self._seen.clear()
        first = purchase.identity(0)
        occurrence = self._seen.get(first, 0)
        self._seen[first] = occurrence + 1
        return first if occurrence == 0 else purchase.identity(occurrence)

    def _finish_batch(self, next_line: int) -> None:
        self._store()
        self._batch.clear()
        self._rejects.flush()
        self._note(next_line)

    def _note(self, next_line: int) -> None:
        write_checkpoint(
            self._source.checkpoint,
            Checkpoint(
                FORMAT,
                self._start.options,
                self.offset,
                next_line,
                self._digest.hexdigest(),
                self._rejects.length,
                self.counts,
            ),
        )

    def _store(self) -> None:
        if not self._batch:
            return
        kind = self._source.dialect.identifier_type
        with self._services.unit(_ACTOR) as unit:
            known = find_by_identifiers(unit, kind, list({p.customer for _, p, _ in self._batch}))
            results = store_signals(
                unit,
                [
                    NewSignal(known.get(p.customer, _NOBODY), "purchase", p.at, p.data(), identity)
                    for _, p, identity in self._batch
                ],
            )
        for (line, purchase, _), result in zip(self._batch, results, strict=True):
            if result.reason is not None:
                self.counts.count(self.counts.refused, result.reason)
                self._rejects.add(line, result.reason, purchase.sku)
            elif result.status == "stored":
                self.counts.stored += 1
            else:
                self.counts.duplicate += 1
