"""The fields that shapes are made of: each accepts one spelling of one thing, and the documentation says so.

None of them repeats a value in its message: what a client sends may be personal, and answers are kept.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from marshmallow import ValidationError, fields

from schemas.codes import COUNTRIES, CURRENCIES, LOCALE_ALIASES, LOCALES
from service import ids
from service.errors import NotFoundError
from service.instants import show_instant, whole_second

SMALLEST, LARGEST = -(2**63), 2**63 - 1

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,30}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOCAL_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_SKU = r"[^\s/\u0000-\u001f\u007f]{1,64}"


def documented(kwargs: dict[str, Any], **schema: Any) -> dict[str, Any]:
    """`kwargs` with what OpenAPI says of the field; the caller's own metadata wins."""
    return kwargs | {"metadata": schema | dict(kwargs.get("metadata") or {})}


def check_text(value: str) -> str:
    """`value`, unless PostgreSQL or a client could not hold it: U+0000 and lone surrogates."""
    if _UNSTORABLE.search(value):
        raise ValidationError("must not contain U+0000 or a lone surrogate")
    return value


class _Parsed:
    """What every field here is: `parse` reads a JSON value or raises ValidationError."""

    def parse(self, value: Any) -> Any:
        raise NotImplementedError

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return self.parse(value)


class _Shown(_Parsed):
    """A field whose Python value is not a string, and which `show` writes as one."""

    def show(self, value: Any) -> str:
        raise NotImplementedError

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else self.show(value)


class Text(_Parsed, fields.String):
    """A string of `least` to `most` characters."""

    def __init__(
        self, least: int = 1, most: int = 200, *, pattern: str | None = None, hint: str = "", **kwargs: Any
    ) -> None:
        schema: dict[str, Any] = {"minLength": least, "maxLength": most}
        if pattern is not None:
            schema["pattern"] = f"^{pattern}$"
        super().__init__(**documented(kwargs, **schema))
        self._least, self._most = least, most
        self._pattern = None if pattern is None else re.compile(pattern, re.ASCII)
        self._hint = hint or "does not have the form asked for"

    def parse(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("must be a string")
        check_text(value)
        if not self._least <= len(value) <= self._most:
            raise ValidationError(f"must have {self._least} to {self._most} characters")
        if self._pattern is not None and not self._pattern.fullmatch(value):
            raise ValidationError(self._hint)
        return value


class OneOf(_Parsed, fields.String):
    """A string out of a fixed list."""

    def __init__(self, choices: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**documented(kwargs, enum=list(choices)))
        self._choices = choices

    def parse(self, value: Any) -> Any:
        if not isinstance(value, str) or value not in self._choices:
            raise ValidationError(f"must be one of {', '.join(self._choices)}")
        return value


class StrictBoolean(_Parsed, fields.Boolean):
    """true or false and nothing that resembles them: a consent is never guessed."""

    def parse(self, value: Any) -> Any:
        if value is True or value is False:
            return value
        raise ValidationError("must be true or false")


class Whole(_Parsed, fields.Integer):
    """A whole number from `least` to `most`; the widest range is a 64-bit integer."""

    def __init__(self, least: int = SMALLEST, most: int = LARGEST, **kwargs: Any) -> None:
        schema = {"format": "int64", "minimum": least, "maximum": most}
        super().__init__(**documented(kwargs, **schema))
        self._least, self._most = least, most

    def parse(self, value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            # JSON Schema counts 1.0 as an integer, and some clients write every number so.
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("must be a whole number")
        if not self._least <= value <= self._most:
            raise ValidationError(f"must be from {self._least} to {self._most}")
        return value


class QueryWhole(Whole):
    """A whole number written in a query string."""

    def parse(self, value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
            raise ValidationError("must be a whole number")
        return super().parse(int(value))


class QueryBoolean(_Parsed, fields.Boolean):
    """`true` or `false` written in a query string."""

    def parse(self, value: Any) -> Any:
        if value not in ("true", "false"):
            raise ValidationError("must be true or false")
        return value == "true"


class Money(Whole):
    """An amount in minor units of a currency, 0 or more."""

    def __init__(self, least: int = 0, most: int = LARGEST, **kwargs: Any) -> None:
        super().__init__(least, most, **documented(kwargs, description="Minor units of the currency"))


class Number(_Parsed, fields.Float):
    """A finite number from `least` to `most`."""

    def __init__(self, least: float, most: float, **kwargs: Any) -> None:
        super().__init__(**documented(kwargs, minimum=least, maximum=most))
        self._least, self._most = least, most

    def parse(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("must be a number")
        # NaN is in no range, and an integer too large for a float is compared before it is converted.
        if not self._least <= value <= self._most:
            raise ValidationError(f"must be from {self._least:.15g} to {self._most:.15g}")
        return float(value)


class Instant(_Shown, fields.String):
    """RFC 3339 with an offset; read as UTC, a finer instant rounded up to the next whole second."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**documented(kwargs, format="date-time"))

    def show(self, value: Any) -> str:
        return show_instant(value)

    def parse(self, value: Any) -> Any:
        match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError("must be an RFC 3339 instant with an offset, as 2026-11-02T09:30:00Z")
        day, time, fraction, offset = match.groups()
        try:
            at = datetime.fromisoformat(f"{day}T{time}{offset.upper()}").astimezone(UTC)
            if fraction and fraction.strip("0"):
                at += timedelta(seconds=1)
            return whole_second(at)
        except (ValueError, OverflowError):
            raise ValidationError("is not an instant of the calendar") from None


class Day(_Shown, fields.String):
    """A date, YYYY-MM-DD."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**documented(kwargs, format="date"))

    def show(self, value: Any) -> str:
        return str(value.isoformat())

    def parse(self, value: Any) -> Any:
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        raise ValidationError("must be a date, as 1980-02-29")


class LocalTime(Text):
    """A time of day, HH:MM."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(5, 5, pattern=_LOCAL_TIME, hint="must be a time of day, as 21:30", **kwargs)


class Id(_Shown, fields.String):
    """An opaque id with its prefix; read as the UUID behind it."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        pattern = f"^{prefix}_[a-z2-7]{{26}}$"
        super().__init__(**documented(kwargs, pattern=pattern, examples=[_example(prefix)]))
        self._prefix = prefix

    def show(self, value: Any) -> str:
        return ids.show(self._prefix, value)

    def parse(self, value: Any) -> Any:
        try:
            if isinstance(value, str):
                return ids.read(self._prefix, value)
        except NotFoundError:
            pass
        raise ValidationError(f"must be an id, {self._prefix}_ and 26 characters")


class SubjectId(Id):
    """A subject's id; read as its UUID."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(ids.SUBJECT, **kwargs)


class Sku(Text):
    """A product's own number: 1 to 64 characters without space or slash, so that it fits in a path."""

    def __init__(self, **kwargs: Any) -> None:
        hint = "must have 1 to 64 characters without space or slash"
        super().__init__(1, 64, pattern=_SKU, hint=hint, **kwargs)

    def parse(self, value: Any) -> Any:
        if isinstance(value, str) and value in {".", ".."}:
            raise ValidationError("must not be . or .., which clients take out of a path")
        return super().parse(value)


class Locale(OneOf):
    """One of the five languages served; `no` and `nn` are read as `nb`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__((*LOCALES, *LOCALE_ALIASES), **kwargs)

    def parse(self, value: Any) -> Any:
        locale = super().parse(value)
        return LOCALE_ALIASES.get(locale, locale)


class Country(Text):
    """ISO 3166-1 alpha-2."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(2, 2, pattern="[A-Z]{2}", hint="must be two capital letters", **kwargs)

    def parse(self, value: Any) -> Any:
        code = super().parse(value)
        if code not in COUNTRIES:
            raise ValidationError("is not a country code of ISO 3166-1")
        return code


class Currency(Text):
    """ISO 4217, upper case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(3, 3, pattern="[A-Z]{3}", hint="must be three capital letters", **kwargs)

    def parse(self, value: Any) -> Any:
        code = super().parse(value)
        if code not in CURRENCIES:
            raise ValidationError("is not a currency code of ISO 4217")
        return code


class TimeZone(Text):
    """An IANA time zone, as Europe/Stockholm."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, 64, **documented(kwargs, examples=["Europe/Stockholm"]))

    def parse(self, value: Any) -> Any:
        name = super().parse(value)
        if name not in _zones():
            raise ValidationError("is not an IANA time zone, as Europe/Stockholm")
        return name


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # Reading the folder takes milliseconds. `localtime` is this machine's own zone under another name.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _example(prefix: str) -> str:
    return ids.show(prefix, UUID("6f2f2b7e-3a4f-4f6c-9a51-0d6a3c1e5b77"))
