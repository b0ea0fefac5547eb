"""One run over one file: records become signals in batches, each noted once it is committed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from service.actor import system_actor
from service.bootstrap import Services
from service.imports.checkpoint import FORMAT, Checkpoint, write_checkpoint
from service.imports.lines import ImportFileError, Record, read_records
from service.imports.purchases import LineRejectedError, PurchaseLine, PurchaseReader
from service.imports.rejects import RejectFile
from service.imports.source import ImportFile
from service.storage.identifiers import find_by_identifiers
from service.use_cases.store_signals import NewSignal, store_signals

_ACTOR = system_actor("import")
# No subject has it, so the gate answers `subject_unknown` where its turn comes.
_NOBODY = UUID(int=0)
_CHUNK = 1 << 20


class ImportRun:
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
