"""Preferences as they cross HTTP: a merge patch (RFC 7396)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from schemas.base import Shape
from schemas.consents import ChangedShape
from schemas.fields import Instant, Locale, LocalTime, OneOf, StrictBoolean, Text, TimeZone, Whole
from service.policy import Level

LEVELS = tuple(level.name for level in Level)


class QuietShape(Shape):
    """Local times, [from, to)."""

    start = LocalTime(data_key="from", required=True)
    end = LocalTime(data_key="to", required=True)


def _choices(values: fields.Field[Any]) -> fields.Dict:
    return fields.Dict(keys=Text(1, 200), values=values, allow_none=True, validate=validate.Length(max=500))


class PreferencesPatchShape(Shape):
    """PATCH /v1/subjects/{id}/preferences. In sharing, levels and channels a null takes an entry away;
    in situations it ends one early."""

    locale = Locale()
    timezone = TimeZone()
    sharing = _choices(StrictBoolean(allow_none=True))
    levels = _choices(OneOf(LEVELS, allow_none=True))
    channels = _choices(StrictBoolean(allow_none=True))
    quiet = fields.Nested(QuietShape, allow_none=True)
    max_per_week = Whole(0, 100, allow_none=True)
    paused_until = Instant(allow_none=True)
    situations = _choices(Instant(allow_none=True))


class PreferencesShape(Shape):
    epoch = Whole()
    locale = fields.String()
    timezone = fields.String()
    sharing = fields.Dict(keys=fields.String(), values=fields.Boolean())
    levels = fields.Dict(keys=fields.String(), values=fields.String())
    channels = fields.Dict(keys=fields.String(), values=fields.Boolean())
    quiet = fields.Dict(keys=fields.String(), values=fields.String(), allow_none=True)
    max_per_week = fields.Integer(allow_none=True)
    paused_until = fields.String(allow_none=True)
    situations = fields.Dict(
        keys=fields.String(),
        values=fields.String(allow_none=True),
        metadata={"description": "What you told us of your situation, and when it ends by itself"},
    )


class PreferencesChangedShape(PreferencesShape, ChangedShape):
    """The preferences after the patch, and what the change stopped."""
