"""The reject file: line number, reason and product of every line that was not stored.

It repeats neither the customer nor the line itself: whoever may see those has the source file.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import BinaryIO

_HEADER = "line,reason,sku\r\n"
_LONGEST_SKU = 64
# A spreadsheet runs a cell that begins so as a formula (ASVS 1.2.10).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class RejectFile:
    """Made when the first line is rejected, with mode 0600. `length` is what has been written so far."""

    def __init__(self, path: Path, length: int = 0) -> None:
        """`length` is where an interrupted import had come to; what lies behind it is written again.

        Raises FileNotFoundError when that much is not there any more."""
        self.path, self.length = path, length
        self._rows = io.StringIO()
        self._writer = csv.writer(self._rows)
        if length:
            with path.open("r+b") as file:
                if file.seek(0, os.SEEK_END) < length:
                    raise FileNotFoundError(path)
                file.truncate(length)
        else:
            path.unlink(missing_ok=True)

    def add(self, line: int, reason: str, sku: str = "") -> None:
        sku = "".join(char for char in sku[:_LONGEST_SKU] if char.isprintable())
        self._writer.writerow((line, reason, f"'{sku}" if sku.startswith(_FORMULA) else sku))

    def flush(self) -> None:
        """Write what was added, durably."""
        rows = self._rows.getvalue().encode()
        if not rows:
            return
        with self._open() as file:
            self.length += file.write(rows if self.length else _HEADER.encode() + rows)
            file.flush()
            os.fsync(file.fileno())
        self._rows.seek(0)
        self._rows.truncate()

    def _open(self) -> BinaryIO:
        return os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
