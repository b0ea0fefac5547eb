"""Looking for what must not be readable, in every spelling that a dump could give it by accident.

GNU grep does the looking: it finds thousands of fixed strings at once in files of any size and kind.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

# In this much random data a shorter text turns up by chance; the longer ones that contain it are looked for.
SHORTEST = 6


def spellings(text: str) -> Iterator[tuple[str, bytes]]:
    """Every form of `text`, with its name."""
    for name, variant in (
        ("as it is", text),
        ("lower", text.lower()),
        ("upper", text.upper()),
        ("composed", unicodedata.normalize("NFC", text)),
        ("decomposed", unicodedata.normalize("NFD", text)),
    ):
        encoded = variant.encode()
        yield f"{name}, utf-8", encoded
        yield f"{name}, utf-16-le", variant.encode("utf-16-le")
        yield f"{name}, utf-16-be", variant.encode("utf-16-be")
        yield f"{name}, utf-32-le", variant.encode("utf-32-le")
        yield f"{name}, latin-1", variant.encode("latin-1", "ignore")
        yield f"{name}, hex", encoded.hex().encode()
        yield f"{name}, HEX", encoded.hex().upper().encode()
        yield f"{name}, JSON", variant.encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00")
        yield f"{name}, URL", quote(variant, safe="").encode()
        yield f"{name}, backwards", variant[::-1].encode()
        for shift in range(3):
            yield f"{name}, base64 +{shift}", _base64(encoded, shift)
            yield f"{name}, base64url +{shift}", _base64(encoded, shift, b"-_")
    for digest in ("md5", "sha1", "sha256", "sha512"):
        for variant in (text, text.lower()):
            plain = hashlib.new(digest, variant.encode(), usedforsecurity=False)
            yield f"{digest}", plain.digest()
            yield f"{digest}, hex", plain.hexdigest().encode()
            yield f"{digest}, base64", base64.b64encode(plain.digest()).rstrip(b"=")


def _base64(text: bytes, shift: int, altchars: bytes | None = None) -> bytes:
    """What base64 always makes of `text` that begins `shift` bytes behind a group of three: the characters
    that hold bits of a neighbour are left out."""
    encoded = base64.b64encode(b"\0" * shift + text, altchars)
    first = -(-shift * 8 // 6)
    last = (shift + len(text)) * 8 // 6
    return encoded[first:last]


def hits(needles: Iterable[str], files: Iterable[Path], folder: Path) -> list[str]:
    """What was found of `needles`: `file: form of needle`, never more than once each. `folder` takes the
    list of patterns."""
    patterns: dict[bytes, tuple[str, str]] = {}
    for needle in needles:
        if len(needle) < SHORTEST:
            raise ValueError(f"{needle!r} is too short to be looked for")
        for form, pattern in spellings(needle):
            # A pattern with a line's end cannot be told to grep; each is one spelling of very many.
            if len(pattern) >= SHORTEST and b"\n" not in pattern:
                patterns.setdefault(pattern, (form, needle))
    listed = folder / "patterns"
    listed.write_bytes(b"\n".join(patterns) + b"\n")
    return sorted(set(_grep(patterns, listed, files)))


def _grep(patterns: Mapping[bytes, tuple[str, str]], listed: Path, files: Iterable[Path]) -> Iterator[str]:
    names = [str(file) for file in files]
    for start in range(0, len(names), 500):
        done = subprocess.run(
            [
                *("grep", "--text", "--only-matching", "--fixed-strings", "--null", "--with-filename"),
                *("--file", str(listed), "--", *names[start : start + 500]),
            ],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            check=False,
        )
        if done.returncode > 1:
            raise RuntimeError(done.stderr.decode())
        for line in done.stdout.split(b"\n"):
            file, _, found = line.partition(b"\0")
            if found:
                form, needle = patterns[found]
                yield f"{file.decode()}: {needle!r} ({form})"
