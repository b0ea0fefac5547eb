"""Permits as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.base import Shape
from schemas.fields import Text
from service.policy import STAGES
from service.use_cases.redeem_permits import MOST_PERMITS


class RedeemShape(Shape):
    """POST /v1/permits/redeem."""

    permits = fields.List(Text(1, 200), required=True, validate=validate.Length(min=1, max=MOST_PERMITS))


class RedeemedPermitShape(Shape):
    """`redeemed` is the authority to contact; `used`: it was redeemed before; `refused`: it does not hold."""

    permit = fields.String(allow_none=True, metadata={"description": "null: what was sent cannot be one"})
    status = fields.String(validate=validate.OneOf(("redeemed", "used", "refused")))
    stage = fields.String(allow_none=True, validate=validate.OneOf(STAGES))


class RedeemedShape(Shape):
    """What became of each permit, in the order asked."""

    permits = fields.List(fields.Nested(RedeemedPermitShape))
