"""The Merkle tree of the ledger, shaped as RFC 6962 section 2.1 (RFC 9162 section 2.1).

A leaf is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right), and a tree of n leaves splits at the
largest power of two below n. A complete subtree never changes once its last leaf is there, so its hash is
kept with that leaf and a proof reads O(log n) of them. The functions here know no storage: they name the
nodes that they need.

pymerkle, the one library that is still kept, is GPL and stores leaves alone: its roots read all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# A complete subtree: `index` counts those of its level from the left; level 0 is the leaves.
Node = tuple[int, int]
# Leaves from the first to before the second.
Range = tuple[int, int]


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree, which is all that appending needs: the roots of its complete subtrees, from
    the largest to the smallest."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(peaks)}")
        self.size, self._peaks = size, list(peaks)

    def append(self, data: bytes) -> bytes:
        """The hashes of all subtrees that this leaf completes, itself first, one after the other."""
        digest = leaf_hash(data)
        completed, carry = [digest], self.size
        while carry & 1:
            digest = node_hash(self._peaks.pop(), digest)
            completed.append(digest)
            carry >>= 1
        self._peaks.append(digest)
        self.size += 1
        return b"".join(completed)

    def root(self) -> bytes:
        return fold(self._peaks)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over a whole sequence of leaf data."""
    frontier = Frontier()
    for data in leaves:
        frontier.append(data)
    return frontier.root()


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root above complete subtrees that stand side by side, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    digest = peaks[-1]
    for left in reversed(peaks[:-1]):
        digest = node_hash(left, digest)
    return digest


def place_of(node: Node) -> tuple[int, int]:
    """The position of the leaf that completes a subtree, and where its hash begins in what `append` gave."""
    level, index = node
    return ((index + 1) << level) - 1, level * HASH_BYTES


def hashes_at(position: int) -> int:
    """How many subtrees the leaf at a position completes, itself counted."""
    return (~position & (position + 1)).bit_length()


def peaks_of(start: int, end: int) -> list[Node]:
    """The complete subtrees that together are a range which `*_ranges` gave, or the range 0 to a size."""
    nodes, at = [], start
    for level in range((end - start).bit_length() - 1, -1, -1):
        if (end - start) >> level & 1:
            nodes.append((level, at >> level))
            at += 1 << level
    return nodes


def inclusion_ranges(position: int, size: int) -> list[Range]:
    """The siblings on the way from a leaf to the root of a tree of `size` leaves, the nearest first."""
    if not 0 <= position < size:
        raise ValueError(f"a tree of {size} leaves has none at {position}")
    ranges, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if position < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """What shows that the first `first` leaves of a tree of `second` are a tree of which one has the root."""
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} leaves did not grow from one of {first}")
    if first in (0, second):
        return []
    ranges, start, end, known = [], 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, known = middle, False
    if not known:
        ranges.append((start, end))
    return ranges[::-1]


def nodes_of(ranges: Sequence[Range]) -> set[Node]:
    """The stored nodes from which `hashes_of` computes the hashes of ranges."""
    return {node for start, end in ranges for node in peaks_of(start, end)}


def hashes_of(ranges: Sequence[Range], known: Mapping[Node, bytes]) -> list[bytes]:
    return [fold([known[node] for node in peaks_of(start, end)]) for start, end in ranges]


def verify_inclusion(position: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf`, a leaf hash, stands at `position` in the tree of `size` leaves with this root (RFC 9162
    section 2.1.3.2)."""
    if not 0 <= position < size:
        return False
    digest, here, last = leaf, position, size - 1
    for sibling in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            digest = node_hash(sibling, digest)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and digest == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the tree of `second` leaves begins with the whole tree of `first` (RFC 9162 section 2.1.4.2).
    Every tree begins with the empty one."""
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        whole = first_root == second_root if first == second else first_root == EMPTY_ROOT
        return whole and not path
    rest = list(path)
    if first & (first - 1) == 0:
        rest.insert(0, first_root)
    if not rest:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """The largest power of two below `size`, which is above 1."""
    return 1 << (size - 1).bit_length() - 1
