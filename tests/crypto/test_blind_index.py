"""Blind indexes: one spelling for one identifier, a key for each kind."""

from __future__ import annotations

import pytest

from service.crypto.blind_index import BlindIndex, normalise
from service.errors import InvalidInputError


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("email", "Aino.Virtanen@Example.FI ", "aino.virtanen@example.fi"),
        ("email", "\uff41ino@example.fi", "aino@example.fi"),
        ("phone", "070-174 06 05", "+46 70 174 06 05"),
        ("phone", "0046701740605", "+46701740605"),
        ("customer_number", "se 10 42", "SE1042"),
    ],
)
def test_spellings_of_one_identifier_agree(kind: str, first: str, second: str) -> None:
    assert normalise(kind, first, "SE") == normalise(kind, second, "SE")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "aino"),
        ("email", "aino@localhost"),
        ("email", "a b@example.fi"),
        ("email", "@example.fi"),
        ("phone", "12"),
        ("phone", "call me"),
        ("customer_number", "   "),
        ("personnummer", "19121212-1212"),
    ],
)
def test_what_is_no_identifier_is_refused_without_repeating_it(kind: str, value: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        normalise(kind, value, "SE")
    assert value.strip() == "" or value not in str(caught.value)


def test_a_digest_depends_on_value_kind_and_root() -> None:
    index = BlindIndex(b"r" * 32)
    digests = {
        index.identifier("email", "a@b.se"),
        index.identifier("email", "c@b.se"),
        index.identifier("customer_number", "a@b.se"),
        BlindIndex(b"s" * 32).identifier("email", "a@b.se"),
        index.digest("signal", b"a@b.se"),
    }
    assert len(digests) == 5
    assert index.identifier("email", "a@b.se") == BlindIndex(b"r" * 32).identifier("email", "a@b.se")
