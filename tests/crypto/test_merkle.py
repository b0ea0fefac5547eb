"""The tree against the recursive definitions of RFC 6962 section 2.1, and against its published vectors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.crypto.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    Frontier,
    Node,
    consistency_ranges,
    hashes_at,
    hashes_of,
    inclusion_ranges,
    leaf_hash,
    nodes_of,
    peaks_of,
    place_of,
    root_of,
    verify_consistency,
    verify_inclusion,
)

MOST = 300
# The test vectors of Certificate Transparency's reference implementation.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not d:
        return hashlib.sha256(b"").digest()
    if len(d) == 1:
        return hashlib.sha256(b"\x00" + d[0]).digest()
    k = split(len(d))
    return hashlib.sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(d) == 1:
        return []
    k = split(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def proof(m: int, d: list[bytes]) -> list[bytes]:
    """PROOF of section 2.1.2."""
    return subproof(m, d, True)


def subproof(m: int, d: list[bytes], whole: bool) -> list[bytes]:
    n = len(d)
    if m == n:
        return [] if whole else [mth(d)]
    k = split(n)
    if m <= k:
        return [*subproof(m, d[:k], whole), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


def data(n: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(n)]


@pytest.fixture(scope="module")
def stored() -> dict[Node, bytes]:
    """Every complete subtree as a table would have it: found by the leaf that completed it."""
    frontier, rows = Frontier(), []
    for each in data(MOST):
        rows.append(frontier.append(each))
    assert [len(row) // HASH_BYTES for row in rows] == [hashes_at(position) for position in range(MOST)]

    def read(node: Node) -> bytes:
        position, offset = place_of(node)
        return rows[position][offset : offset + HASH_BYTES]

    return {(level, index): read((level, index)) for level in range(9) for index in range(MOST >> level)}


def test_roots_are_those_of_the_vectors() -> None:
    assert root_of([]) == EMPTY_ROOT == mth([])
    for size, root in enumerate(ROOTS, 1):
        assert root_of(LEAVES[:size]).hex() == root


@pytest.mark.parametrize("size", range(MOST + 1))
def test_every_size_has_the_root_of_the_definition(size: int, stored: dict[Node, bytes]) -> None:
    root = mth(data(size))
    assert root_of(data(size)) == root
    peaks = [stored[node] for node in peaks_of(0, size)]
    assert Frontier(size, peaks).root() == root


def test_appending_goes_on_from_any_stored_edge(stored: dict[Node, bytes]) -> None:
    for size in range(0, MOST, 7):
        frontier = Frontier(size, [stored[node] for node in peaks_of(0, size)])
        for each in data(MOST)[size:]:
            frontier.append(each)
        assert frontier.root() == mth(data(MOST))


@pytest.mark.parametrize("size", [*range(1, 70), 127, 128, 129, 255, 256, 257, MOST])
def test_every_inclusion_proof_is_that_of_the_definition(size: int, stored: dict[Node, bytes]) -> None:
    leaves, root = data(size), mth(data(size))
    for position in range(size) if size < 40 else {0, 1, size // 3, size // 2, size - 2, size - 1}:
        ranges = inclusion_ranges(position, size)
        wanted = nodes_of(ranges)
        assert len(wanted) <= 2 * size.bit_length()
        found = hashes_of(ranges, {node: stored[node] for node in wanted})
        assert found == path(position, leaves)
        assert verify_inclusion(position, size, leaf_hash(leaves[position]), found, root)


@pytest.mark.parametrize("second", [*range(1, 66), 127, 128, 129, 255, 256, 257, MOST])
def test_every_consistency_proof_is_that_of_the_definition(second: int, stored: dict[Node, bytes]) -> None:
    leaves, root = data(second), mth(data(second))
    for first in range(second + 1) if second < 40 else (0, 1, 2, 31, 32, 33, second // 2, second - 1, second):
        found = hashes_of(consistency_ranges(first, second), stored)
        if first:
            assert found == proof(first, leaves)
        assert verify_consistency(first, second, mth(leaves[:first]), root, found)


@settings(max_examples=300)
@given(st.data())
def test_no_other_leaf_place_size_path_or_root_verifies(draw: st.DataObject) -> None:
    size = draw.draw(st.integers(1, 80))
    position = draw.draw(st.integers(0, size - 1))
    leaves, root = data(size), mth(data(size))
    good = path(position, leaves)
    leaf = leaf_hash(leaves[position])
    assert verify_inclusion(position, size, leaf, good, root)
    other = draw.draw(st.integers(0, size + 3).filter(lambda n: n != position))
    assert not verify_inclusion(other, size, leaf, good, root)
    assert not verify_inclusion(position, size, leaf_hash(b"other"), good, root)
    assert not verify_inclusion(position, size, leaf, [*good, root], root)
    assert not verify_inclusion(position, size, leaf, good, bytes(32))
    if good:
        assert not verify_inclusion(position, size, leaf, good[:-1], root)
        bad = list(good)
        bad[draw.draw(st.integers(0, len(good) - 1))] = bytes(32)
        assert not verify_inclusion(position, size, leaf, bad, root)
    # A node never passes for a leaf.
    if size >= 2:
        assert not verify_inclusion(0, (size + 1) // 2, mth(leaves[:2]), path(0, leaves)[1:], bytes(32))


@settings(max_examples=300)
@given(st.data())
def test_no_other_history_is_consistent(draw: st.DataObject) -> None:
    second = draw.draw(st.integers(2, 80))
    first = draw.draw(st.integers(1, second - 1))
    leaves = data(second)
    changed = draw.draw(st.integers(0, first - 1))
    rewritten = [*leaves[:changed], b"rewritten", *leaves[changed + 1 :]]
    old, new, good = mth(leaves[:first]), mth(leaves), proof(first, leaves)
    assert verify_consistency(first, second, old, new, good)
    assert not verify_consistency(first, second, old, mth(rewritten), proof(first, rewritten))
    assert not verify_consistency(first, second, mth(rewritten[:first]), new, good)
    assert not verify_consistency(first, second, old, new, good[:-1])
    assert not verify_consistency(first, second, old, new, [*good, new])
    assert not verify_consistency(second, first, old, new, good)


def test_what_no_tree_has_is_refused() -> None:
    for position, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="leaves"):
            inclusion_ranges(position, size)
        assert not verify_inclusion(position, size, bytes(32), [], bytes(32))
    with pytest.raises(ValueError, match="did not grow"):
        consistency_ranges(4, 3)
    with pytest.raises(ValueError, match="peaks"):
        Frontier(3, [bytes(32)])
    assert verify_consistency(0, 5, EMPTY_ROOT, bytes(32), [])
    assert not verify_consistency(0, 5, bytes(32), bytes(32), [])
    assert not verify_consistency(3, 5, bytes(32), bytes(32), [])
