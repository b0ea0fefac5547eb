"""The keyring: the key-encryption keys that wrap data keys, and the root key of the blind indexes.

In the embedded default it is one JSON file, made at the first start with mode 0600:
`{"format": "samtycke-keys/1", "active": "<id>", "kek": {"<id>": "<base64>"}, "index": "<base64>"}`.
Whoever has the file and the database can read everything; whoever has one of them can read nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from service.crypto.data_key import KEY_BYTES, DataKey
from service.errors import KeyFileError, UnreadableError

FORMAT = "samtycke-keys/1"


@dataclass(frozen=True)
class WrappedKey:
    """A data key under a key-encryption key: what the database keeps."""

    kek: str
    wrapped: bytes


@dataclass(frozen=True)
class Keyring:
    """`active` names the key-encryption key that wraps new data keys; the others only unwrap."""

    active: str
    keks: dict[str, DataKey] = field(repr=False)
    index: bytes = field(repr=False)

    def new_data_key(self, owner: UUID) -> tuple[DataKey, WrappedKey]:
        key = DataKey.generate()
        return DataKey(key), WrappedKey(
            self.active, self.keks[self.active].seal(key, _wrap_place(owner, self.active))
        )

    def unwrap(self, owner: UUID, wrapped: WrappedKey) -> DataKey:
        """Raises UnreadableError when the wrapping key is not here or the key is another owner's."""
        kek = self.keks.get(wrapped.kek)
        if kek is None:
            raise UnreadableError
        return DataKey(kek.open(wrapped.wrapped, _wrap_place(owner, wrapped.kek)))


def _wrap_place(owner: UUID, kek: str) -> bytes:
    return f"keys.data_keys|wrapped|{owner.hex}|{kek}".encode()


def create_key_file(path: Path) -> None:
    """Write a new key file with mode 0600, durably; an existing one is never touched (FileExistsError)."""
    kek_id = f"kek-{secrets.token_hex(4)}"
    document = {
        "format": FORMAT,
        "active": kek_id,
        "kek": {kek_id: base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()},
        "index": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
    }
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The file appears whole or not at all: a half-written key file would lock out every person in the
    # database. A link instead of a rename, because a link refuses to replace what is there.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_key_file(path: Path) -> Keyring:
    """The keyring in `path`. Raises KeyFileError, naming the fault but never a key."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    if mode & 0o077:
        raise KeyFileError(f"{path} can be read by others (mode {mode:04o}); set it to 0600")
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise KeyFileError(f"{path} has format {document['format']!r}, not {FORMAT!r}")
        keks = {name: DataKey(_key(text)) for name, text in document["kek"].items()}
        keyring = Keyring(active=document["active"], keks=keks, index=_key(document["index"]))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise KeyFileError(f"{path} is not a whole key file") from None
    if keyring.active not in keyring.keks:
        raise KeyFileError(f"{path} names an active key that it does not hold")
    return keyring


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError from None
    if len(key) != KEY_BYTES:
        raise ValueError
    return key
