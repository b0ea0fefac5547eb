"""Reading documents strictly, and noting every fault on the way instead of stopping at the first.

A reader that finds a fault notes it and gives a harmless value; whoever asked looks at `faults` in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from service.policy.faults import Fault

_Value = TypeVar("_Value")

# Longer than any name in a policy; keeps what is remembered and repeated in answers small.
LONGEST_TEXT = 500
LARGEST_NUMBER = 10**15


@dataclass(slots=True)
class Reader:
    """Collects faults. Every method takes the JSON pointer of the value it looks at.

    Messages repeat a wrong value only with `echo`: a policy is public, a person's state is not.
    """

    echo: bool = False
    faults: list[Fault] = field(default_factory=list)
    # Where an object should stand and none does: what it therefore lacks is no fault of its own.
    _hollow: set[str] = field(default_factory=set)

    def fault(self, path: str, message: str) -> None:
        if path == "" or path.rpartition("/")[0] not in self._hollow:
            self.faults.append(Fault(path, message))

    def wrong(self, path: str, wanted: str, value: object) -> None:
        """A value of the wrong kind; null is one that is missing."""
        self.fault(path, "is missing" if value is None else f"must be {wanted}, not {kind(value)}")

    def mapping(self, value: object, path: str, keys: Collection[str] | None = None) -> Mapping[str, Any]:
        """An object with string keys; with `keys`, no others. Empty if it is none."""
        if not isinstance(value, Mapping):
            self.wrong(path, "an object", value)
            self._hollow.add(path)
            return {}
        for key in value:
            if not isinstance(key, str):
                self.fault(path, f"a key must be text, not {kind(key)}")
            elif keys is not None and key not in keys:
                self.fault(join(path, key), "unknown key")
            elif keys is None:
                self.text(key, join(path, key))
        return {key: item for key, item in value.items() if isinstance(key, str)}

    def entries(self, value: object, path: str) -> Iterator[tuple[str, Any, str]]:
        """The items of an optional object with free keys: key, value, pointer."""
        if value is not None:
            for key, item in self.mapping(value, path).items():
                yield key, item, join(path, key)

    def items(self, value: object, path: str) -> Iterator[tuple[Any, str]]:
        """The items of an optional array: value, pointer."""
        if value is None:
            return
        if not isinstance(value, list | tuple):
            self.wrong(path, "an array", value)
            return
        for index, item in enumerate(value):
            yield item, f"{path}/{index}"

    def text(self, value: object, path: str, longest: int = LONGEST_TEXT) -> str:
        """Text with something in it that UTF-8 can carry."""
        if not isinstance(value, str):
            self.wrong(path, "text", value)
            return ""
        if not value or value.isspace():
            self.fault(path, "must not be empty")
        elif len(value) > longest:
            self.fault(path, f"must have at most {longest} characters")
        elif not _is_encodable(value):
            self.fault(path, "must be valid Unicode")
        return value

    def texts(self, value: object, path: str, *, unique: bool = False) -> tuple[str, ...]:
        """An optional array of texts; with `unique`, none twice."""
        found: list[str] = []
        for item, at in self.items(value, path):
            if unique and item in found:
                self.fault(at, "stands here twice")
            found.append(self.text(item, at))
        return tuple(found)

    def flag(self, value: object, path: str) -> bool:
        """true or false; 0 and 1 are numbers."""
        if not isinstance(value, bool):
            self.wrong(path, "true or false", value)
            return False
        return value

    def integer(self, value: object, path: str, least: int = 0, most: int = LARGEST_NUMBER) -> int:
        """A whole number within bounds; true and false are none."""
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(path, "a whole number", value)
            return least
        if not least <= value <= most:
            self.fault(path, f"must be from {least} to {most}")
            return least
        return value

    def one_of(self, value: object, path: str, choices: Collection[str], what: str) -> str | None:
        """One of some words; `what` names them in the message."""
        if isinstance(value, str) and value in choices:
            return value
        if not isinstance(value, str):
            self.wrong(path, f"a {what}", value)
            return None
        shown = f" {value[:60]!r}" if self.echo else ""
        self.fault(path, f"unknown {what}{shown}; known: {', '.join(choices) or 'none'}")
        return None

    def read(self, value: object, path: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Text in a format of its own; `parse` raises ValueError with what is wrong."""
        text = self.text(value, path)
        if not isinstance(value, str) or not value:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.fault(path, str(error))
            return None


def join(path: str, key: str) -> str:
    """A JSON pointer one step deeper (RFC 6901)."""
    return f"{path}/{key.replace('~', '~0').replace('/', '~1')}"


def kind(value: object) -> str:
    """What a JSON value is, in JSON's words."""
    if isinstance(value, bool):
        return "true or false"
    for types, words in _KINDS:
        if isinstance(value, types):
            return words
    return type(value).__name__


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    ((int, float), "a number"),
    (str, "text"),
    (Mapping, "an object"),
    ((list, tuple), "an array"),
)


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
