"""Signed notes, checkpoints and promises: what was signed opens, and nothing else does."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from service.crypto.checkpoint import (
    Checkpoint,
    Promise,
    open_checkpoint,
    open_promise,
    sign_checkpoint,
    sign_promise,
)
from service.crypto.log_key import load_log_key
from service.crypto.signed_note import NoteSigner, NoteVerifier
from service.errors import KeyFileError, NoteError

# The example of golang.org/x/mod/sumdb/note.
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZIn"
    "NIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
ROOT = bytes(range(32))


@pytest.fixture
def signer() -> NoteSigner:
    return NoteSigner.generate("example.org/log")


def test_keys_and_notes_are_those_of_go() -> None:
    signer, verifier = NoteSigner.read(SKEY), NoteVerifier.read(VKEY)
    assert (signer.spell(), str(verifier), str(signer.verifier)) == (SKEY, VKEY, VKEY)
    assert signer.sign(TEXT) == f"{TEXT}\n{SIGNATURE}\n"
    assert verifier.open(f"{TEXT}\n{SIGNATURE}\n") == TEXT


def test_other_signatures_are_passed_over(signer: NoteSigner) -> None:
    witness = NoteSigner.generate("witness.example")
    own = signer.sign("a text\n")
    both = own + witness.sign("a text\n").rpartition("\n\n")[2]
    assert signer.verifier.open(both) == witness.verifier.open(both) == "a text\n"
    with pytest.raises(NoteError, match="not signed by"):
        witness.verifier.open(own)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda note: note.replace("7", "8"),
        lambda note: note[:-1],
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\u2014", "-"),
        lambda note: note.replace("\u2014 ", "\u2014  "),
        lambda note: "x" + note,
        lambda note: note.rpartition(" ")[0] + " AAAA\n",
        lambda note: note.rpartition(" ")[0] + " ?\n",
        lambda note: "",
        lambda note: "\n\n",
    ],
)
def test_a_spoilt_note_does_not_open(signer: NoteSigner, spoil: object) -> None:
    note = sign_checkpoint(signer, Checkpoint(7, ROOT))
    assert open_checkpoint(signer.verifier, note) == Checkpoint(7, ROOT)
    with pytest.raises(NoteError):
        open_checkpoint(signer.verifier, spoil(note))  # type: ignore[operator]


def test_a_checkpoint_has_the_lines_of_the_specification(signer: NoteSigner) -> None:
    lines = sign_checkpoint(signer, Checkpoint(20852163, ROOT)).split("\n")
    assert lines[:4] == ["example.org/log", "20852163", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert lines[4].startswith("\u2014 example.org/log ")
    assert lines[5:] == [""]


def test_a_promise_is_no_checkpoint_and_a_checkpoint_no_promise(signer: NoteSigner) -> None:
    promise = Promise("cev_abc", ROOT, "2026-11-22T09:00:00Z")
    promised, checkpoint = sign_promise(signer, promise), sign_checkpoint(signer, Checkpoint(1, ROOT))
    assert open_promise(signer.verifier, promised) == promise
    with pytest.raises(NoteError):
        open_checkpoint(signer.verifier, promised)
    with pytest.raises(NoteError):
        open_promise(signer.verifier, checkpoint)
    other = NoteSigner.generate("example.org/other")
    with pytest.raises(NoteError):
        open_promise(other.verifier, promised)


@pytest.mark.parametrize("text", ["o\n01\nAAAA\n", "o\n1\nAAAA\n", "o\n-1\n\n", "o\n1\n", "o\n"])
def test_signed_nonsense_is_no_checkpoint(text: str) -> None:
    signer = NoteSigner.generate("o")
    with pytest.raises(NoteError):
        open_checkpoint(signer.verifier, signer.sign(text))


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "a+b+c", VKEY[:-4], VKEY.replace("c74", "c75"), VKEY.replace("ARpc", "AVpc"), "a+zz+AQ=="],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        NoteVerifier.read(text)
    with pytest.raises(NoteError):
        NoteSigner.read(text)
    with pytest.raises(NoteError):
        NoteSigner.read(f"PRIVATE+KEY+{text}")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_a_name_that_a_note_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        NoteSigner.generate(name)


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ledger.key"
    first = load_log_key(path, "example.org/log")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(load_log_key(path).verifier) == str(first.verifier)
    assert "PRIVATE" not in repr(first)
    with pytest.raises(KeyFileError, match=r"not of example\.org/other"):
        load_log_key(path, "example.org/other")
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="0600"):
        load_log_key(path)
    path.chmod(0o600)
    path.write_text("rubbish")
    with pytest.raises(KeyFileError, match="signing key"):
        load_log_key(path)
