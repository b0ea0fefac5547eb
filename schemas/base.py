"""The base of every shape that crosses a border: unknown fields are refused, and every fault is named by
its JSON pointer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from service.errors import InputFault, InvalidInputError

# One body of a megabyte can hold a hundred thousand faults; nobody reads more than this of them.
MOST_FAULTS = 1000


class Shape(Schema):
    """A JSON object with known fields only. Shapes keep no state, so one instance serves a process."""

    class Meta:
        unknown = RAISE

    error_messages = {  # noqa: RUF012 (marshmallow declares it so, and copies it per instance)
        "unknown": "is not a known field",
        "type": "must be an object",
    }

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002 (a hook)
        field_obj.error_messages.update(required="is required", null="must not be null")

    def read(self, data: object) -> Any:
        """What `data` says, as this shape's fields make it. Raises InvalidInputError with all faults."""
        try:
            return self.load(data)  # type: ignore[arg-type]  # anything but a mapping is a fault too
        except ValidationError as error:
            raise InvalidInputError(faults_of(error, self)) from None


def faults_of(error: ValidationError, shape: Schema) -> list[InputFault]:
    """marshmallow's nested messages as pointers, the first `MOST_FAULTS` of them."""
    messages = error.normalized_messages()  # type: ignore[no-untyped-call]  # marshmallow's gap
    return list(islice(_walk(messages, shape, ""), MOST_FAULTS))


def _walk(messages: Any, part: Schema | fields.Field[Any] | None, pointer: str) -> Iterator[InputFault]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            if key == "_schema":
                yield from _walk(inner, None, pointer)
            elif isinstance(part, fields.Dict) and isinstance(inner, dict):
                # A map's messages stand one level deeper, under "key" and "value".
                for side, field in (("key", part.key_field), ("value", part.value_field)):
                    yield from _walk(inner.get(side, ()), field, below(pointer, key))
            else:
                yield from _walk(inner, _part(part, key), below(pointer, key))
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _walk(inner, part, pointer)
    else:
        yield InputFault(pointer, str(messages))


def _part(part: Schema | fields.Field[Any] | None, key: object) -> Schema | fields.Field[Any] | None:
    if isinstance(part, fields.List):
        return part.inner
    if isinstance(part, fields.Nested):
        part = part.schema
    if isinstance(part, Schema):
        if isinstance(key, int):
            return part
        return next((f for name, f in part.load_fields.items() if (f.data_key or name) == key), None)
    return None


def below(pointer: str, key: object) -> str:
    """The pointer one step below `pointer` (RFC 6901)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
