"""Reading what a client sent: JSON that means one thing only, and query strings.

Refused besides broken JSON: a key that stands twice (two parsers would read two things), NaN and
Infinity, numbers beyond 64 bits or the range of a double, strings that PostgreSQL cannot hold, and
nesting so deep that reading it would end the process.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from flask import request

from schemas.base import MOST_FAULTS, Shape, below
from schemas.fields import LARGEST, SMALLEST
from service.api.problems import UnsupportedMediaTypeError
from service.errors import InputFault, InvalidInputError, MalformedInputError

JSON = ("application/json",)
MERGE_PATCH = ("application/merge-patch+json", "application/json")

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Only a body with one of these can hold such a string or number, so only such a body is walked through.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[0-9]{19}")


def read_body(shape: Shape, media_types: tuple[str, ...] = JSON) -> Any:
    """The request's body as `shape` reads it. Raises UnsupportedMediaTypeError, MalformedInputError, or
    InvalidInputError with every fault, whether the shape or the database would have refused it."""
    check_media_type(media_types)
    data = request.get_data()
    value = _decode(data)
    faults = find_unstorable(value) if _SUSPECT.search(data) else []
    try:
        read = shape.read(value)
    except InvalidInputError as error:
        known = {fault.pointer for fault in faults}
        faults += [fault for fault in error.faults if fault.pointer not in known]
    if faults:
        raise InvalidInputError(faults)
    return read


def read_json(media_types: tuple[str, ...] = JSON) -> Any:
    """The request's body, whatever it is. Raises as `read_body` does."""
    check_media_type(media_types)
    return parse_json(request.get_data())


def check_media_type(media_types: tuple[str, ...]) -> None:
    """Raises UnsupportedMediaTypeError unless the body is said to be one of `media_types`, in UTF-8."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in media_types or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaTypeError(f"send {' or '.join(media_types)} in UTF-8")


def read_query(shape: Shape) -> Any:
    """The query string as `shape` reads it. A parameter that stands twice is refused."""
    query = request.args
    if len(query) != sum(1 for _ in query.items(multi=True)):
        twice = [name for name, values in query.lists() if len(values) > 1]
        raise InvalidInputError([InputFault(below("", name), "stands twice in the query") for name in twice])
    return shape.read(query.to_dict())


def parse_json(data: bytes) -> Any:
    """`data` as JSON (RFC 8259) in UTF-8. Raises MalformedInputError or InvalidInputError."""
    value = _decode(data)
    faults = find_unstorable(value) if _SUSPECT.search(data) else []
    if faults:
        raise InvalidInputError(faults)
    return value


def find_unstorable(value: Any) -> list[InputFault]:
    """Every string and number in `value` that could not be stored, in order of their places."""
    faults: list[InputFault] = []
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        pointer, item = todo.pop()
        if isinstance(item, str):
            if _UNSTORABLE.search(item):
                faults.append(InputFault(pointer, "must not contain U+0000 or a lone surrogate"))
        elif isinstance(item, dict):
            for key, inner in item.items():
                if _UNSTORABLE.search(key):
                    faults.append(InputFault(pointer, "has a key with U+0000 or a lone surrogate"))
                else:
                    todo.append((below(pointer, key), inner))
        elif isinstance(item, list):
            todo += [(below(pointer, index), inner) for index, inner in enumerate(item)]
        elif isinstance(item, int) and not SMALLEST <= item <= LARGEST:
            faults.append(InputFault(pointer, "must fit in 64 bits"))
    return sorted(faults, key=lambda fault: fault.pointer)[:MOST_FAULTS]


def _decode(data: bytes) -> Any:
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedInputError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedInputError(f"it is not JSON: {error.msg}, {place}") from None
    except RecursionError:
        raise MalformedInputError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedInputError("a key stands twice in one object")
    return found


def _whole(text: str) -> int:
    # Reading an integer takes time in the square of its length.
    if len(text) > 100:
        raise MalformedInputError("a number in it is too large")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedInputError("a number in it is too large")
    return number


def _constant(_text: str) -> Any:
    raise MalformedInputError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_finite, parse_constant=_constant
)
