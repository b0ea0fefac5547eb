"""Purposes and their notices as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape

_TEXTS = {"description": "By locale: title, summary and notice"}
_HASHES = {"description": "By locale: SHA-256 of the texts as JSON with sorted keys"}


def _by_locale() -> fields.Dict:
    said = fields.Dict(keys=fields.String(), values=fields.String())
    return fields.Dict(keys=fields.String(), values=said, metadata=_TEXTS)


def _hashes() -> fields.Dict:
    return fields.Dict(keys=fields.String(), values=fields.String(), metadata=_HASHES)


class PublishedNoticeShape(Shape):
    """A notice: `version` is what decisions compare, `revision` counts edits that change nothing asked."""

    purpose = fields.String()
    version = fields.Integer()
    revision = fields.Integer()
    texts = _by_locale()
    hashes = _hashes()


class PurposeShape(Shape):
    """One purpose of the policy in force."""

    purpose = fields.String()
    basis = fields.String()
    data = fields.List(fields.String())
    valid_for = fields.String(allow_none=True, metadata={"description": "ISO 8601 duration of a consent"})
    explicit = fields.Boolean()
    direct_marketing = fields.Boolean()
    min_notice_version = fields.Integer()
    notice_version = fields.Integer()
    notice_revision = fields.Integer()
    texts = _by_locale()
    hashes = _hashes()


class PurposesShape(Shape):
    policy = fields.Integer(metadata={"description": "Version of the policy in force"})
    purposes = fields.List(fields.Nested(PurposeShape))
