"""Log lines: JSON on standard error, without anything about a person (guarantees P14).

Our own code logs an event's name and fields that it chose. Of other people's records only the template is
kept, since their arguments may hold a task's payload or a row's values; of an exception only its type and
the places it passed through, since a database puts the offending value into the message.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, BinaryIO

import msgspec
import structlog

_FRAMES = 12
# Numbers and ids that libraries put into their records and that say nothing about a person.
_HARMLESS = ("id", "name", "runtime", "pid", "state")
_encode = msgspec.json.Encoder(enc_hook=lambda value: type(value).__name__).encode


def configure_logging(stream: BinaryIO | None = None, level: str = "INFO") -> None:
    """Send our own log and the standard library's to `stream` (default: standard error)."""
    target = stream or sys.stderr.buffer
    structlog.configure(
        processors=[_add_level, structlog.processors.TimeStamper(fmt="iso", key="at"), _render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.BytesLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_Text(target))
    handler.setFormatter(_TemplateFormatter())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)


def get_logger() -> Any:
    return structlog.get_logger()


def describe_error(error: BaseException) -> dict[str, Any]:
    """An exception's type and the last places it passed through; never its message, never a value."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "trace": [
            f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}" for frame in frames
        ],
    }


def _add_level(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["level"] = method
    return event


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    return _encode(event)


class _TemplateFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "event": str(record.msg),
            "logger": record.name,
            "level": record.levelname.lower(),
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
        }
        if isinstance(record.args, dict):
            line |= {key: record.args[key] for key in _HARMLESS if key in record.args}
        if record.exc_info and record.exc_info[1] is not None:
            line |= describe_error(record.exc_info[1])
        return _encode(line).decode()


class _Text:
    """A byte stream as the text stream that the standard library's handler writes to."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        self._stream.flush()
