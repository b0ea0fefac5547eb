"""Import a purchase file as signals, through the same gate as over HTTP: streaming, and resumable."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.bootstrap import Services
from service.imports.checkpoint import FORMAT, Checkpoint, Counts, read_checkpoint
from service.imports.columns import place_columns
from service.imports.lines import Format, ImportFileError, Record, check_start, read_records
from service.imports.purchases import PurchaseReader
from service.imports.run import ImportRun
from service.imports.source import ImportFile


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
        running = ImportRun(services, source, reader, start or _beginning(source, header))
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
