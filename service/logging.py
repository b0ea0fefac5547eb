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
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
import structlog

_FRAMES = 12
# The web server gives these handlers of their own, which would write a request's line and errors as they are.
_SELF_WILLED = ("_granian", "granian.access")
# Numbers and ids that libraries put into their records and that say nothing about a person.
_HARMLESS = ("id", "name", "runtime", "pid", "state")
_PLAIN = (str, int, float, UUID, datetime, type(None))
_encode = msgspec.json.Encoder().encode


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
    for name in _SELF_WILLED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


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
    return _encode(_plain(event))


def _plain(value: Any) -> Any:
    """What may stand in a line: an object is named by its type, since an encoder or a representation that
    looks inside would write out what a subject or a keyring holds."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return type(value).__name__


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
        return _encode(_plain(line)).decode()


class _Text:
    """A byte stream as the text stream that the standard library's handler writes to."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        self._stream.flush()
