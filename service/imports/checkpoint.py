"""How far an import has come: a small file beside the source, without anything from it.

It is written after each batch has been committed. A crash between the two is harmless: the batch is sent
again, and the database knows its signals.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from service.imports.lines import ImportFileError

FORMAT = "samtycke-import/1"


class Counts(msgspec.Struct):
    """Lines by what became of them. `refused` by the gate, `rejected` as malformed, each by reason."""

    lines: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: dict[str, int] = {}
    rejected: dict[str, int] = {}

    def count(self, outcome: dict[str, int], reason: str) -> None:
        outcome[reason] = outcome.get(reason, 0) + 1


class Checkpoint(msgspec.Struct):
    """Everything before byte `offset` (the start of line `line`) is done. `digest` is SHA-256 of those
    bytes, `options` of how they were read; `rejects` is the length of the reject file at that point."""

    format: str
    options: str
    offset: int
    line: int
    digest: str
    rejects: int
    counts: Counts


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Raises ImportFileError for a file that is no checkpoint."""
    try:
        checkpoint = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ImportFileError(f"{path}: {error.strerror}") from None
    except msgspec.MsgspecError:
        raise ImportFileError(f"{path} is not a checkpoint; --restart begins again") from None
    if checkpoint.format != FORMAT:
        raise ImportFileError(f"{path} is of another version; --restart begins again")
    return checkpoint


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """The old one or the new one, never half of either."""
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(checkpoint))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
