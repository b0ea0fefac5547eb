"""The key file: the embedded default. One JSON file, made at the first start with mode 0600:
`{"format": "samtycke-keys/1", "active": "<id>", "kek": {"<id>": "<base64>"}, "index": "<base64>"}`.

Whoever has the file and the database can read everything; whoever has one of them can read nothing. Which
key is active stands in the database once there is a table of keys; `active` is where a new one starts, and
follows, so that an older program still reads the file.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import stat
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from service.crypto.data_key import KEY_BYTES, DataKey
from service.crypto.providers.local import LocalKeys, read_key
from service.errors import KeyFileError

FORMAT = "samtycke-keys/1"


class KeyFile(LocalKeys):
    """The keys in `path`. Other processes that have it see a new key when they meet its id."""

    name = "file"

    def __init__(self, path: Path) -> None:
        """Raises KeyFileError, naming the fault but never a key."""
        self._path = path
        self._lock = threading.Lock()
        self._read()

    @classmethod
    def open(cls, where: str, _environ: Mapping[str, str]) -> KeyFile:
        return cls(Path(where))

    def first(self) -> list[str]:
        return [self._active, *(name for name in self._keks if name != self._active)]

    def make(self, known: Collection[str]) -> str:
        with self._lock:
            document = _load(self._path)
            spare = [name for name in document["kek"] if name not in known]
            kek = spare[0] if spare else f"kek-{secrets.token_hex(4)}"
            if not spare:
                document["kek"][kek] = _new_key()
            document["active"] = kek
            _replace(self._path, document)
            self._read()
        return kek

    def destroy(self, kek: str) -> str:
        with self._lock:
            document = _load(self._path)
            if document["kek"].pop(kek, None) is not None:
                _replace(self._path, document)
            self._read()
        return f"copies of {self._path.name}, in backups and on other machines, still hold it: destroy them"

    def index_root(self) -> bytes | None:
        return self._index

    def reload(self) -> None:
        with self._lock:
            # A key that was there a moment ago must not go because the file is being looked after.
            try:
                if _mark(self._path) != self._seen:
                    self._read()
            except (OSError, KeyFileError):
                return

    def _read(self) -> None:
        document = _load(self._path)
        self._seen = _mark(self._path)
        self._active: str = document["active"]
        self._index = read_key(document["index"])
        self._keks = {name: DataKey(read_key(text)) for name, text in document["kek"].items()}


def create_key_file(path: Path) -> None:
    """Write a new key file with mode 0600, durably; an existing one is never touched (FileExistsError)."""
    kek = f"kek-{secrets.token_hex(4)}"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The file appears whole or not at all: a half-written key file would lock out every person in the
    # database. A link instead of a rename, because a link refuses to replace what is there.
    draft = _draft(path, {"format": FORMAT, "active": kek, "kek": {kek: _new_key()}, "index": _new_key()})
    try:
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path)


def _replace(path: Path, document: dict[str, Any]) -> None:
    owner = path.stat()
    draft = _draft(path, document)
    try:
        if os.geteuid() == 0:
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path)


def _draft(path: Path, document: dict[str, Any]) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _load(path: Path) -> dict[str, Any]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    if mode & 0o077:
        raise KeyFileError(f"{path} can be read by others (mode {mode:04o}); set it to 0600")
    try:
        document: dict[str, Any] = json.loads(text)
        if document["format"] != FORMAT:
            raise KeyFileError(f"{path} has format {document['format']!r}, not {FORMAT!r}")
        for key in (*document["kek"].values(), document["index"]):
            read_key(key)
        held = document["active"] in document["kek"]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise KeyFileError(f"{path} is not a whole key file") from None
    if not held:
        raise KeyFileError(f"{path} names an active key that it does not hold")
    return document


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _mark(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
