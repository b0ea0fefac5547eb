"""The key file: made once with mode 0600, read whole or not at all; wrapped keys belong to their owner."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from uuid import UUID

import pytest

from service.crypto.data_key import place
from service.crypto.keyring import WrappedKey, create_key_file, load_key_file
from service.errors import KeyFileError, UnreadableError

OWNER, OTHER = UUID(int=1), UUID(int=2)


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


def test_a_data_key_comes_back_from_its_wrapping(path: Path) -> None:
    key, wrapped = load_key_file(path).new_data_key(OWNER)
    here = place("t", "c", OWNER, 1)
    again = load_key_file(path).unwrap(OWNER, wrapped)
    assert again.open(key.seal(b"x", here), here) == b"x"


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
