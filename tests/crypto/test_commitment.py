"""Commitments: each covers all it stands for, and nobody without the key finds out what."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from service.crypto.commitment import (
    canonical_json,
    chunk_entry,
    chunk_payload,
    decisions_payload,
    event_payload,
)
from service.crypto.data_key import DataKey
from service.crypto.merkle import root_of

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
texts = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


@given(values)
def test_canonical_json_is_what_the_standard_library_makes_of_it(value: Any) -> None:
    """So that a stranger can compute it: sorted keys, no spaces, only the escapes that RFC 8785 asks for."""
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_json(value) == plain.encode()


def test_the_salt_is_keyed_by_the_owner_and_the_entry() -> None:
    raw, entry = DataKey.generate(), uuid4()
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"samtycke/ledger-salt/1").derive(raw)
    assert DataKey(raw).salt(entry) == hmac.digest(derived, entry.bytes, "sha256")
    assert (
        len({DataKey(raw).salt(entry), DataKey(raw).salt(uuid4()), DataKey(DataKey.generate()).salt(entry)})
        == 3
    )


def test_every_part_of_a_row_counts() -> None:
    row, owner = UUID(int=1), UUID(int=2)
    usual: dict[str, Any] = {"at": AT, "epoch": 3, "activity": 4, "policy": 5, "sealed": b"x"}
    changes: list[dict[str, Any]] = [{"at": AT.replace(hour=10)}, {"epoch": 4}, {"epoch": None}]
    changes += [{"activity": 3}, {"policy": 6}, {"sealed": b"y"}]
    digests = {decisions_payload(row, owner, **usual | change) for change in [{}, *changes]}
    digests |= {decisions_payload(owner, row, **usual), decisions_payload(row, row, **usual)}
    assert len(digests) == 9


def test_a_chunk_is_its_rows_in_their_order() -> None:
    job, rows = uuid4(), [hashlib.sha256(bytes([n])).digest() for n in range(5)]
    expected = hashlib.sha256(
        b"samtycke/ledger/chunk/1\x00"
        + job.bytes
        + (7).to_bytes(8, "big")
        + (5).to_bytes(8, "big")
        + root_of(rows)
    ).digest()
    assert chunk_payload(job, 7, rows) == expected
    assert (
        len({chunk_payload(job, 7, rows), chunk_payload(job, 7, rows[::-1]), chunk_payload(job, 8, rows)})
        == 3
    )
    assert chunk_entry(job, 7) == chunk_entry(job, 7) != chunk_entry(job, 8)


def test_an_event_is_its_place_and_what_it_says() -> None:
    said = {"b": 1, "a": "å"}
    expected = hashlib.sha256(
        b"samtycke/ledger/consent-event/1\x00"
        + bytes(32)
        + hashlib.sha256('{"a":"å","b":1}'.encode()).digest()
    ).digest()
    assert event_payload(bytes(32), said) == expected
    assert event_payload(bytes(32), said | {"b": 2}) != expected
    assert event_payload(b"\x01" * 32, said) != expected
