"""A delimited text file, read as a stream: records with their line number and the byte at which they end.

Memory stays constant whatever the file holds: a line has a greatest length, and a quotation that never
closes is given up after fifty lines, of which only the first is lost.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from service.errors import SamtyckeError

MOST_BYTES = 1 << 20
MOST_LINES = 50
_PEEK = 1 << 16
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


class ImportFileError(SamtyckeError):
    """The file cannot be imported."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record and the bytes it came from. `fault` is set where it is none; an empty line has no values."""

    line: int
    raw: bytes
    values: list[str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """How the file is written: one ASCII character between the columns, and a codec."""

    delimiter: str = ","
    encoding: str = "utf-8"

    def check(self) -> None:
        """Raises ImportFileError for a format in which lines cannot be told apart by their bytes."""
        try:
            narrow = "\n".encode(self.encoding) == b"\n"
        except LookupError:
            raise ImportFileError(f"there is no encoding named {self.encoding!r}") from None
        except UnicodeError:
            narrow = False
        if not narrow:
            raise ImportFileError(f"{self.encoding} cannot be read line by line; save the file as UTF-8")
        if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '\r\n"':
            raise ImportFileError("the delimiter must be one character, or `tab`")


def check_start(file: BinaryIO) -> None:
    """Raises ImportFileError for an empty or binary file; leaves the position where it was."""
    start = file.tell()
    head = file.read(_PEEK)
    file.seek(start)
    if not head.strip():
        raise ImportFileError("the file is empty")
    if head.startswith(_WIDE):
        raise ImportFileError("the file is UTF-16 or UTF-32; save it as UTF-8")
    if b"\x00" in head:
        raise ImportFileError("the file is binary, not text")


def read_records(file: BinaryIO, form: Format, line: int = 1) -> Iterator[Record]:
    """The records from the file's position on, which is the start of line `line`. Every byte is in one of
    them; the further pieces of a line that is too long are records without values."""
    pending: deque[bytes] = deque()
    bom = codecs.BOM_UTF8 if line == 1 else b""
    while raw := (pending.popleft() if pending else file.readline(MOST_BYTES)):
        if len(raw) == MOST_BYTES and not raw.endswith(b"\n"):
            yield Record(line, raw, [], "line_too_long")
            while not raw.endswith(b"\n") and (raw := file.readline(MOST_BYTES)):
                yield Record(line, raw, [])
            line += 1
        else:
            record = _record(file, form, line, raw.removeprefix(bom), pending)
            yield (
                Record(line, bom + record.raw, record.values, record.fault) if raw.startswith(bom) else record
            )
            line += max(1, record.raw.count(b"\n"))
        bom = b""


def _record(file: BinaryIO, form: Format, line: int, raw: bytes, pending: deque[bytes]) -> Record:
    lines = [raw]
    while True:
        whole = b"".join(lines)
        # An odd number of quotation marks cannot be a whole record, whatever stands between them.
        if whole.count(b'"') % 2 == 0:
            text = whole.decode(form.encoding, "surrogateescape")
            try:
                [values] = csv.reader([text], delimiter=form.delimiter, strict=True)
                return Record(line, whole, values)
            except csv.Error as error:
                if "unexpected end of data" not in str(error):
                    return Record(line, raw, [], "malformed")
        more = pending.popleft() if pending else file.readline(MOST_BYTES)
        if not more or len(lines) >= MOST_LINES or len(whole) >= MOST_BYTES:
            # Everything after the first line may be good: it is read again as lines of its own.
            pending.extendleft(reversed([*lines[1:], *([more] if more else [])]))
            return Record(line, raw, [], "unclosed_quotation")
        lines.append(more)
