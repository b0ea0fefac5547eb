"""Problem details (RFC 9457), the shape of every error."""

from __future__ import annotations

from marshmallow import INCLUDE, fields

from schemas.base import Shape


class FaultShape(Shape):
    """One fault of an input."""

    pointer = fields.String(
        required=True, metadata={"description": "JSON pointer (RFC 6901), empty for all of it"}
    )
    detail = fields.String(required=True)


class ProblemShape(Shape):
    """`type` is stable; a 422 lists every fault of the input in `errors`."""

    class Meta:
        # RFC 9457, section 3.2: a problem may carry members of its own.
        unknown = INCLUDE

    type = fields.String(required=True, metadata={"examples": ["urn:samtycke:problem:not-found"]})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    instance = fields.String(metadata={"description": "Names this answer; quote it when asking for help"})
    errors = fields.List(fields.Nested(FaultShape))
