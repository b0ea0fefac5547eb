"""A change before it is made, as it crosses HTTP."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.base import Shape
from schemas.consents import NoticeShape
from schemas.fields import Locale, OneOf, StrictBoolean, Text, Whole
from schemas.mandates import LimitsShape
from schemas.preferences import LEVELS, PreferencesPatchShape
from service.use_cases.record_consent import STATUSES_BY_ROLE

_MOST = 50


class ConsentChangeShape(Shape):
    """An answer that might be given: a purpose or a channel, never both. Without a notice, under the one in
    force."""

    purpose = Text(1, 100)
    channel = Text(1, 100)
    status = OneOf(tuple(sorted(STATUSES_BY_ROLE["customer"])), required=True)
    explicit = StrictBoolean(load_default=False)
    notice = fields.Nested(NoticeShape)


class ChangesShape(Shape):
    consents = fields.List(fields.Nested(ConsentChangeShape), validate=validate.Length(max=_MOST))
    preferences = fields.Nested(PreferencesPatchShape)
    mandates = fields.Dict(
        keys=Text(5, 44, pattern="man_[a-z0-9]{1,40}", hint="must be man_ and letters and digits"),
        values=fields.Nested(LimitsShape, allow_none=True),
        validate=validate.Length(max=_MOST),
        metadata={"description": "By id; null ends one"},
    )


class PreviewAskShape(Shape):
    """POST /v1/subjects/{id}/preview. Without a locale, in the person's own language."""

    changes = fields.Nested(ChangesShape, required=True)
    locale = Locale()


class LimitedByShape(Shape):
    strategy = OneOf(LEVELS, allow_none=True)
    code = fields.String()
    on = fields.String(allow_none=True)


class ForeseenShape(Shape):
    """One programme in one category, or for one product that has a mandate of its own (`sku`). `limited_by`
    keeps the level from being higher; `data` may be used at that level, and within `may_charge` may be
    ordered without asking."""

    programme = fields.String()
    category = fields.String()
    sku = fields.String(allow_none=True)
    titles = fields.Dict(keys=fields.String(), values=fields.String())
    before = OneOf(LEVELS)
    after = OneOf(LEVELS)
    limited_by = fields.List(fields.Nested(LimitedByShape))
    explanation = fields.List(fields.String())
    data = fields.List(fields.String())
    may_charge = fields.Dict(keys=fields.String(), allow_none=True)


class PreviewShape(Shape):
    """Every programme and category, by name."""

    epoch = Whole()
    policy = Whole()
    levels = fields.List(fields.Nested(ForeseenShape))
