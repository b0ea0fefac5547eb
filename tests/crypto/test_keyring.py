"""The key file: made once with mode 0600, read whole or not at all; wrapped keys belong to their owner."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from uuid import UUID

import pytest

from service.crypto.blind_index import BlindIndex
from service.crypto.data_key import place
from service.crypto.keyring import Keyring, WrappedKey, create_key_file
from service.crypto.providers.key_file import KeyFile
from service.crypto.reading import Reading
from service.errors import KeyFileError, UnreadableError
from tests.crypto.books import MemoryBook, keyring

OWNER, OTHER = UUID(int=1), UUID(int=2)
ANY = Reading("a test", frozenset({b"t"}))

OLD_FILE = """{"format": "samtycke-keys/1", "active": "kek-2f3a9c11",
 "kek": {"kek-2f3a9c11": "UG0DXwPUo9NCdUptSvSGD1yOwhery5jvZRwu7JaHKQ8="},
 "index": "aVzfctMUiVKuRdCnRntwqfGCnwVekSIiXt7mBTVMwa8="}"""
OLD_WRAPPED = "Aeqc6qJD8ZBw7kOMqltOYd8wXBGySA+bTXo32TFCG2utQxI25d3kUdAbMnK2imctpSoj8cJ3xc98N+ryQg=="
OLD_SEALED = "AStdilCI38PYBmxs4cTX85K/TBXjL0+ghwd/OoBX3iU3"
OLD_DIGEST = "ff1c7a1729be3cde2e719b7bcb005283db5b4d966a0d7a95604c010c469e5084"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "keys.json"
    create_key_file(path)
    return path


def test_the_file_is_readable_by_its_owner_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


def test_an_existing_file_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        create_key_file(path)
    assert path.read_bytes() == before


def load_key_file(path: Path, book: MemoryBook | None = None) -> Keyring:
    return keyring(KeyFile(path), book)


def test_a_data_key_comes_back_from_its_wrapping(path: Path) -> None:
    book = MemoryBook()
    key, wrapped = load_key_file(path, book).new_data_key(OWNER)
    here = place("t", "c", OWNER, 1)
    again = load_key_file(path, book).unwrap(OWNER, wrapped)
    assert again.open(key.seal(b"x", here), here, ANY) == b"x"


def test_a_wrapped_key_given_to_another_owner_does_not_open(path: Path) -> None:
    keyring = load_key_file(path)
    _, wrapped = keyring.new_data_key(OWNER)
    with pytest.raises(UnreadableError):
        keyring.unwrap(OTHER, wrapped)


def test_a_key_wrapped_by_a_missing_kek_does_not_open(path: Path) -> None:
    keyring = load_key_file(path)
    _, wrapped = keyring.new_data_key(OWNER)
    with pytest.raises(UnreadableError):
        keyring.unwrap(OWNER, WrappedKey("kek-gone", wrapped.wrapped))


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="0600"):
        load_key_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"nowhere\.json"):
        load_key_file(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    "change",
    [
        {"format": "samtycke-keys/9"},
        {"active": "another"},
        {"kek": {"k": "c2hvcnQ="}},
        {"kek": []},
        {"index": "not base64!"},
        {"index": None},
    ],
)
def test_a_damaged_file_is_refused_without_showing_a_key(path: Path, change: dict[str, object]) -> None:
    document = json.loads(path.read_text()) | change
    path.write_text(json.dumps(document))
    with pytest.raises(KeyFileError) as caught:
        load_key_file(path)
    for secret in [document["index"], *(dict(document["kek"] or {}).values())]:
        assert str(secret) not in str(caught.value)


def test_a_truncated_file_is_refused(path: Path) -> None:
    path.write_text(path.read_text()[:40])
    with pytest.raises(KeyFileError, match="whole"):
        load_key_file(path)


def test_keys_do_not_show_in_a_repr(path: Path) -> None:
    keyring = load_key_file(path)
    document = json.loads(path.read_text())
    for text in [document["index"], *document["kek"].values()]:
        assert text not in repr(keyring)
        assert repr(base64.b64decode(text)) not in repr(keyring)
        assert text not in repr(KeyFile(path))


def test_a_file_of_the_first_release_still_opens_what_it_wrapped(tmp_path: Path) -> None:
    """Written and wrapped by the program as it was before keys had states."""
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(OLD_FILE)
    book = MemoryBook()
    found = load_key_file(path, book)
    key = found.unwrap(OWNER, WrappedKey("kek-2f3a9c11", base64.b64decode(OLD_WRAPPED)))
    assert key.open(base64.b64decode(OLD_SEALED), place("t", "c", OWNER, 1), ANY) == b"kept"
    assert found.active().id == "kek-2f3a9c11"
    assert BlindIndex(found.index_root).identifier("email", "a@b.se").hex() == OLD_DIGEST
