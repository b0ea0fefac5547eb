"""How large a body may be, and reading no more and no less than that of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any, Literal, TypeVar, cast

from flask import Request
from werkzeug.utils import cached_property
from werkzeug.wsgi import get_content_length

from service.config import Config
from service.errors import MalformedInputError, TooLargeError

View = TypeVar("View", bound=Callable[..., Any])
Size = Literal["small", "ordinary", "bulk"]

_BLOCK = 64 * 1024
_SMALL = 4 * 1024


def bulk(view: View) -> View:
    """Mark a view that streams its body: `config.max_bulk_bytes` holds instead of `max_body_bytes`."""
    view.__dict__["body_size"] = "bulk"
    return view


def small(view: View) -> View:
    """Mark a view that anybody may call: a few kilobytes are enough for what it reads."""
    view.__dict__["body_size"] = "small"
    return view


def body_limit(view: Callable[..., Any], config: Config) -> int:
    """The largest body of a view, in bytes."""
    size: Size = getattr(view, "body_size", "ordinary")
    if size == "small":
        return min(_SMALL, config.max_body_bytes)
    return config.max_bulk_bytes if size == "bulk" else config.max_body_bytes


class LimitedRequest(Request):
    """A request whose body is read whole or not at all.

    werkzeug's own stream cuts a chunked body off at the limit, and takes the end of a broken connection for
    the end of the body: half a list of candidates would have been accepted as a whole one.
    """

    @cached_property
    def stream(self) -> IO[bytes]:
        """Raises TooLargeError and MalformedInputError, also while it is read."""
        length, limit = get_content_length(self.environ), self.max_content_length
        if limit is not None and length is not None and length > limit:
            raise TooLargeError(_too_large(limit))
        if length is None and not self.environ.get("wsgi.input_terminated"):
            # Nobody said where it ends, so reading it could wait for ever.
            return io.BytesIO()
        return cast(IO[bytes], _Body(self.environ["wsgi.input"], length, limit))


class _Body(io.RawIOBase):
    """`length` is what Content-Length said, None for a chunked body, whose end the server knows."""

    def __init__(self, source: IO[bytes], length: int | None, limit: int | None) -> None:
        self._source, self._length, self._limit = source, length, limit
        self._seen = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        if self._length is not None:
            size = min(size, self._length - self._seen)
        data = self._source.read(size) if size else b""
        self._seen += len(data)
        if self._limit is not None and self._seen > self._limit:
            raise TooLargeError(_too_large(self._limit))
        if size and not data and self._length is not None:
            raise MalformedInputError("it ended before its Content-Length")
        return data

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _too_large(limit: int) -> str:
    return f"at most {limit} bytes are read here"
