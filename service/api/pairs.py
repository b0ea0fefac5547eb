"""Reading the pairs of a bulk job: as NDJSON from a stream, in bounded memory, or as one JSON document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

from schemas.candidates import PairShape, PairsShape
from schemas.compiled import read_candidate, read_pair
from service.api.bodies import parse_json
from service.errors import InputFault, InvalidInputError, MalformedInputError
from service.storage.asked import AskedCandidate
from service.use_cases.submit_candidates import Pair

_BLOCK = 256 * 1024
LONGEST_LINE = 64 * 1024
MOST_FAULTS = 100
_REMEMBERED = 20_000

_PAIR = PairShape()
_PAIRS = PairsShape()


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class NdjsonPairs:
    """The pairs of a stream of lines. Iterate once; then `digest` is the SHA-256 of what was read.

    From the first fault on nothing more is given, only checked: at the end InvalidInputError lists the first
    hundred faults by line, and says how many there are."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self._faults: list[InputFault] = []
        self._fault_count = 0
        # Offers of one campaign come again and again, so each is read once.
        self._read_candidate = lru_cache(maxsize=_REMEMBERED)(read_candidate)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    def __iter__(self) -> Iterator[Pair]:
        for number, line in enumerate(self._lines(), start=1):
            if line and not line.isspace():
                pair = self._read(number, line)
                if pair is not None and not self._fault_count:
                    yield pair
        if self._fault_count:
            shown = len(self._faults)
            more = f"; the first {shown} are listed" if self._fault_count > shown else ""
            raise InvalidInputError(self._faults, f"{self._fault_count} faults{more}; nothing was stored")

    def _lines(self) -> Iterator[bytes]:
        """Lines without their ends; of one that is too long only as much as shows that."""
        rest = b""
        while block := self._stream.read(_BLOCK):
            self._hash.update(block)
            lines = block.split(b"\n")
            lines[0] = rest + lines[0]
            rest = lines.pop()[: LONGEST_LINE + 1]
            yield from lines
        if rest:
            yield rest

    def _read(self, number: int, line: bytes) -> Pair | None:
        if len(line) > LONGEST_LINE:
            self._fault(number, "", f"is longer than {LONGEST_LINE} bytes")
            return None
        read = read_pair(line)
        if read is not None:
            candidate = self._read_candidate(read[1])
            if candidate is not None:
                return Pair(read[0], candidate, len(read[1]))
        try:
            found = _PAIR.read(parse_json(line))
        except MalformedInputError as error:
            self._fault(number, "", error.detail)
            return None
        except InvalidInputError as error:
            for fault in error.faults:
                self._fault(number, fault.pointer, fault.message)
            return None
        return _pair(found, len(line))

    def _fault(self, number: int, pointer: str, message: str) -> None:
        self._fault_count += 1
        if len(self._faults) < MOST_FAULTS:
            # Lines are counted from one, and JSON pointers from nought.
            self._faults.append(InputFault(f"/{number - 1}{pointer}", f"line {number}: {message}"))


def read_json_pairs(body: bytes) -> list[Pair]:
    """The pairs of `{"candidates": […]}`, or of the list alone."""
    document = parse_json(body)
    if not isinstance(document, list):
        return _pairs(_PAIRS.read(document), len(body))
    try:
        return _pairs(_PAIRS.read({"candidates": document}), len(body))
    except InvalidInputError as error:
        faults = [InputFault(f.pointer.removeprefix("/candidates"), f.message) for f in error.faults]
        raise InvalidInputError(faults) from None


def _pairs(read: dict[str, Any], length: int) -> list[Pair]:
    found = read["candidates"]
    return [_pair(pair, length // len(found)) for pair in found]


def _pair(read: dict[str, Any], length: int) -> Pair:
    candidate: AskedCandidate = read["candidate"]
    return Pair(read["subject"], candidate, length)
