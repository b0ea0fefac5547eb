"""The tree of a dump, computed anew from its leaves, against its nodes and against what was signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from service.audit.dump import Dump
from service.audit.findings import Finding
from service.crypto.checkpoint import Checkpoint
from service.crypto.merkle import EMPTY_ROOT, HASH_BYTES, Frontier
from service.storage.ledger_export import Row

_SIGNED, _KEPT = "was signed", "a witness kept"


class TreeCheck:
    """One pass over the leaves. `places` has each entry's first position, kind and commitment afterwards."""

    def __init__(self, signed: Iterable[Checkpoint], witnessed: Iterable[Checkpoint]) -> None:
        self.size = 0
        self.places: dict[str, tuple[int, str, str]] = {}
        self._frontier = Frontier()
        # How many entries are the right ones, as far as the pass has come, by each kind of evidence: a log
        # that was rewritten by whoever has its key vouches for itself; only the witness counts against it.
        self._good = {_SIGNED: 0, _KEPT: 0}
        self._expected: dict[int, set[tuple[bytes, str]]] = {}
        for who, checkpoints in ((_SIGNED, signed), (_KEPT, witnessed)):
            for each in checkpoints:
                if each != Checkpoint(0, EMPTY_ROOT):
                    self._expected.setdefault(each.size, set()).add((each.root, who))

    def run(self, dump: Dump) -> list[Finding]:
        """What is wrong. Behind the first fault of the tree nothing more can be said about it."""
        nodes, findings, whole = dump.rows("nodes"), [], True
        for row in dump.rows("leaves"):
            repeated = self._note(row)
            if repeated is not None:
                findings.append(repeated)
            fault = self._add(row, nodes) if whole else None
            if fault is not None:
                findings.append(fault)
                whole = False
            self.size += 1
        if whole:
            findings += self._end(nodes)
        return findings

    def _note(self, row: Row) -> Finding | None:
        position, entry = row["position"], row["entry"]
        known = self.places.setdefault(entry, (position, row["kind"], row["commitment"]))
        if known[0] == position:
            return None
        return Finding(position, f"entry {position} repeats entry {known[0]}")

    def _add(self, row: Row, nodes: Iterator[Row]) -> Finding | None:
        position, expected = row["position"], self.size
        if position != expected:
            return Finding(min(position, expected), f"entry {expected} is missing")
        completed = self._frontier.append(bytes.fromhex(row["commitment"]))
        node = next(nodes, None)
        if node is None or node["position"] != position:
            return Finding(position, f"the nodes of entry {position} are missing")
        stored = bytes.fromhex(node["hashes"])
        if stored[:HASH_BYTES] != completed[:HASH_BYTES]:
            return Finding(position, f"entry {position} is not the one that its node was computed from")
        if stored != completed:
            message = f"the nodes above entry {position} are not those of the entries below them"
            return Finding(position, message)
        return self._compare_roots(position + 1)

    def _compare_roots(self, size: int) -> Finding | None:
        expected = self._expected.pop(size, None)
        if expected is None:
            return None
        root = self._frontier.root()
        for signed, who in sorted(expected):
            if signed != root:
                first = self._good[who]
                message = (
                    f"the tree of {size} entries is not the one that {who}:"
                    f" the first bad entry is one of {first} to {size - 1}"
                )
                return Finding(first, message)
            self._good[who] = size
        return None

    def _end(self, nodes: Iterator[Row]) -> list[Finding]:
        size = self.size
        if self._expected:
            return [Finding(size, f"entry {size} is missing: {max(self._expected)} entries were signed for")]
        first = self._good[_SIGNED]
        if first != size:
            return [Finding(first, f"entry {first} stands in the log, and in no checkpoint")]
        if next(nodes, None) is not None:
            return [Finding(size, f"entry {size} is missing: nodes of it are there")]
        return []
