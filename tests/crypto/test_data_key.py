"""P8: a sealed value opens at the place it was sealed for, under its owner's key, and nowhere else."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.crypto.data_key import DataKey, place
from service.crypto.reading import CONSENT_ADMINISTRATION, Reading, of_data, signals_of
from service.errors import UnreadableError

OWNER, OTHER = UUID(int=1), UUID(int=2)
HERE = place("signals", "sealed", OWNER, "r1")
ANY = Reading("a test", frozenset({b"signals", b"identifiers"}))


@given(st.binary(max_size=300))
def test_what_was_sealed_opens_again(plaintext: bytes) -> None:
    key = DataKey(DataKey.generate())
    assert key.open(key.seal(plaintext, HERE), HERE, ANY) == plaintext


@pytest.mark.parametrize(
    "elsewhere",
    [
        place("identifiers", "sealed", OWNER, "r1"),
        place("signals", "other", OWNER, "r1"),
        place("signals", "sealed", OTHER, "r1"),
        place("signals", "sealed", OWNER, "r2"),
        place("signals", "sealed", OWNER, "r1", version=2),
    ],
)
def test_a_moved_value_does_not_open(elsewhere: bytes) -> None:
    key = DataKey(DataKey.generate())
    with pytest.raises(UnreadableError):
        key.open(key.seal(b"cough tablets", HERE), elsewhere, ANY)


def test_a_value_opens_for_what_covers_it_alone() -> None:
    """P11: whoever reads says for what, and a purpose opens its own data category and nothing else."""
    key = DataKey(DataKey.generate())
    here = place(signals_of("purchases"), "sealed", OWNER, "r1")
    sealed = key.seal(b"cough tablets", here)
    assert key.open(sealed, here, of_data("replenishment_reminders", "purchases")) == b"cough tablets"
    for reading in (of_data("replenishment_reminders", "usage"), CONSENT_ADMINISTRATION):
        with pytest.raises(UnreadableError):
            key.open(sealed, here, reading)


def test_another_key_does_not_open() -> None:
    sealed = DataKey(DataKey.generate()).seal(b"x", HERE)
    with pytest.raises(UnreadableError):
        DataKey(DataKey.generate()).open(sealed, HERE, ANY)


@given(st.integers(min_value=0, max_value=39), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_noticed(position: int, change: int) -> None:
    key = DataKey(b"k" * 32)
    sealed = bytearray(key.seal(b"0123456789a", HERE))
    sealed[position] ^= change
    with pytest.raises(UnreadableError):
        key.open(bytes(sealed), HERE, ANY)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(20)])
def test_a_short_value_is_unreadable_not_an_accident(sealed: bytes) -> None:
    with pytest.raises(UnreadableError):
        DataKey(b"k" * 32).open(sealed, HERE, ANY)


def test_the_same_value_is_never_sealed_the_same_way_twice() -> None:
    key = DataKey(b"k" * 32)
    assert len({key.seal(b"yes", HERE) for _ in range(50)}) == 50


def test_a_key_does_not_show_itself() -> None:
    assert repr(DataKey(b"k" * 32)) == "DataKey(…)"
