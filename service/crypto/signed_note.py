"""Signed notes (C2SP signed-note): a text, a blank line, and a signature line by an Ed25519 key with a name.

Keys are spelt as Go's `golang.org/x/mod/sumdb/note` spells them, so that its tools read ours: a verifier key
is `name+hash+base64(0x01 ‖ public key)`, a signing key `PRIVATE+KEY+name+hash+base64(0x01 ‖ seed)`. `hash` is
the key's id in hex: the first four bytes of SHA-256(name ‖ line end ‖ 0x01 ‖ public key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from service.errors import NoteError

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_DASH = "\u2014"


class NoteVerifier:
    """One key that notes may be signed by."""

    def __init__(self, name: str, public: Ed25519PublicKey) -> None:
        self.name = check_name(name)
        self._public = public
        self._raw = _ED25519 + public.public_bytes_raw()
        self.key_id = hashlib.sha256(name.encode() + b"\n" + self._raw).digest()[:4]

    @classmethod
    def read(cls, text: str) -> NoteVerifier:
        """The key spelt in `text`. Raises NoteError."""
        name, key_id, raw = _parts(text)
        try:
            verifier = cls(name, Ed25519PublicKey.from_public_bytes(raw))
        except ValueError:
            raise NoteError("this is not an Ed25519 key") from None
        if verifier.key_id != key_id:
            raise NoteError("the key and its hash do not belong together")
        return verifier

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self._raw).decode()}"

    def open(self, note: str) -> str:
        """The text of `note`, if this key has signed it; signatures of other keys are passed over. Raises
        NoteError."""
        text, blank, signatures = note.rpartition("\n\n")
        if not blank or not signatures.endswith("\n"):
            raise NoteError("this is not a signed note")
        text += "\n"
        for line in signatures[:-1].split("\n"):
            dash, name, encoded = _three(line)
            if dash != _DASH:
                raise NoteError("this is not a signed note")
            signature = _decode(encoded)
            if name == self.name and signature[:4] == self.key_id:
                try:
                    self._public.verify(signature[4:], text.encode())
                except InvalidSignature:
                    raise NoteError(f"the signature of {name} does not verify") from None
                return text
        raise NoteError(f"it is not signed by {self.name}+{self.key_id.hex()}")


class NoteSigner:
    """A private key with a name. It is never shown; `spell` is for the file that keeps it."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.verifier = NoteVerifier(name, private.public_key())
        self._private = private

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> NoteSigner:
        """Raises NoteError."""
        if not text.startswith(_PRIVATE):
            raise NoteError("this is not a signing key")
        name, key_id, raw = _parts(text.removeprefix(_PRIVATE))
        try:
            signer = cls(name, Ed25519PrivateKey.from_private_bytes(raw))
        except ValueError:
            raise NoteError("this is not an Ed25519 key") from None
        if signer.verifier.key_id != key_id:
            raise NoteError("the key and its hash do not belong together")
        return signer

    def spell(self) -> str:
        raw = base64.b64encode(_ED25519 + self._private.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{raw}"

    @property
    def name(self) -> str:
        return self.verifier.name

    def sign(self, text: str) -> str:
        """`text`, which ends with a line end, as a signed note."""
        signature = self.verifier.key_id + self._private.sign(text.encode())
        return f"{text}\n{_DASH} {self.name} {base64.b64encode(signature).decode()}\n"

    def __repr__(self) -> str:
        return f"NoteSigner({self.name}, …)"


def check_name(name: str) -> str:
    """A key's name: neither empty nor with a space, a plus or a line end in it. Raises NoteError."""
    if not name or "+" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise NoteError("a key's name holds neither spaces nor plus signs")
    return name


def _parts(text: str) -> tuple[str, bytes, bytes]:
    # Base64 may hold plus signs, names may not.
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise NoteError("this is not a key of signed notes")
    name, key_id, encoded = parts
    raw = _decode(encoded)
    if raw[:1] != _ED25519:
        raise NoteError("this is not an Ed25519 key")
    try:
        return name, bytes.fromhex(key_id), raw[1:]
    except ValueError:
        raise NoteError("this is not a key of signed notes") from None


def _three(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise NoteError("this is not a signed note")
    return parts[0], parts[1], parts[2]


def _decode(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("this is not a signed note") from None
