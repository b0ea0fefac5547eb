"""What a chunk of a bulk job holds: the distinct candidates, and for each subject which of them are asked.

Offers of a campaign go to many people, so each is stored, read and priced once a chunk. The chunk is packed,
compressed, and only then sealed under the job's own data key.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from uuid import UUID

import msgspec

from service.actor import Actor
from service.crypto.data_key import DataKey, place
from service.crypto.reading import OPERATION
from service.errors import UnreadableError
from service.storage.asked import AskedCandidate


class Chunk(msgspec.Struct, array_like=True, gc=False):
    """`groups`: a subject's 16 bytes, and places in `candidates`. `role`, `sub` and `scopes` are those of the
    actor who asked, for whom the answers are made."""

    role: str
    sub: str
    scopes: list[str]
    candidates: list[AskedCandidate]
    groups: list[tuple[bytes, list[int]]]

    @property
    def actor(self) -> Actor:
        return Actor(self.sub, frozenset({self.role}), frozenset(self.scopes))

    @property
    def size(self) -> int:
        return sum(len(places) for _, places in self.groups)


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Chunk)


def pack(actor: Actor, candidates: list[AskedCandidate], groups: Iterable[tuple[bytes, list[int]]]) -> bytes:
    chunk = Chunk(actor.role, actor.sub, sorted(actor.scopes), candidates, list(groups))
    return zlib.compress(_encode(chunk), 1)


def unpack(data: bytes) -> Chunk:
    try:
        return _decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError):
        raise UnreadableError from None


def seal(key: DataKey, job: UUID, number: int, packed: bytes) -> bytes:
    return key.seal(packed, place("job_chunks", "sealed", job, number))


def unseal(key: DataKey, job: UUID, number: int, sealed: bytes) -> bytes:
    """Raises UnreadableError."""
    return key.open(sealed, place("job_chunks", "sealed", job, number), OPERATION)
