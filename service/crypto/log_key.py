"""The key file of the ledger: the key that signs checkpoints and promises, made at the first start (0600)."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from service.crypto.signed_note import NoteSigner
from service.errors import KeyFileError, NoteError


def load_log_key(path: Path, origin: str | None = None) -> NoteSigner:
    """The key in `path`, made now if there is none. `origin` names the log; None takes the name in the file,
    or makes one up. Raises KeyFileError."""
    if not path.exists():
        _create(path, origin or f"samtycke.invalid/{secrets.token_hex(6)}")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        signer = NoteSigner.read(path.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except (NoteError, UnicodeDecodeError):
        raise KeyFileError(f"{path} does not hold a signing key of the ledger") from None
    if mode & 0o077:
        raise KeyFileError(f"{path} can be read by others (mode {mode:04o}); set it to 0600")
    if origin is not None and signer.name != origin:
        raise KeyFileError(f"{path} is the key of the log {signer.name}, not of {origin}")
    return signer


def _create(path: Path, origin: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(NoteSigner.generate(origin).spell() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Web server and worker may both come first: a link keeps whichever file was made earlier.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
