"""The shapes of the OpenID AuthZEN Authorization API 1.0, over the same evaluator."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.base import Shape
from schemas.candidates import LONGEST_ID, STRATEGIES
from schemas.fields import OneOf, SubjectId, Text
from service.use_cases.decide import MOST_CANDIDATES

SEMANTICS = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")


class AuthSubjectShape(Shape):
    """Whose choices decide."""

    type = OneOf(("subject",), required=True)
    id = SubjectId(required=True)


class AuthActionShape(Shape):
    """The rung of the ladder that is asked for."""

    name = OneOf(STRATEGIES, required=True)


class AuthResourceShape(Shape):
    """The candidate; `id` is the caller's own name for it."""

    type = OneOf(("candidate",), required=True)
    id = Text(1, LONGEST_ID, required=True)
    properties = fields.Dict(required=True, metadata={"description": "A candidate without id and strategy"})


class EvaluationShape(Shape):
    """POST /access/v1/evaluation. `context` is accepted and has no effect on the decision."""

    subject = fields.Nested(AuthSubjectShape, required=True)
    action = fields.Nested(AuthActionShape, required=True)
    resource = fields.Nested(AuthResourceShape, required=True)
    context = fields.Dict()


class PartShape(Shape):
    """One evaluation: what is missing is taken from the request around it."""

    subject = fields.Nested(AuthSubjectShape)
    action = fields.Nested(AuthActionShape)
    resource = fields.Nested(AuthResourceShape)
    context = fields.Dict()


class OptionsShape(Shape):
    evaluations_semantic = OneOf(SEMANTICS, load_default=SEMANTICS[0])


class EvaluationsShape(PartShape):
    """POST /access/v1/evaluations."""

    evaluations = fields.List(
        fields.Nested(PartShape), required=True, validate=validate.Length(min=1, max=MOST_CANDIDATES)
    )
    options = fields.Nested(OptionsShape)

    @validates_schema
    def check_whole(self, data: dict[str, Any], **_: Any) -> None:
        faults = {}
        for place, part in enumerate(data.get("evaluations", ())):
            missing = [n for n in ("subject", "action", "resource") if n not in part and n not in data]
            if missing:
                faults[place] = {name: ["is required, here or above"] for name in missing}
        if faults:
            raise ValidationError({"evaluations": faults})


class AuthDecisionShape(Shape):
    """`decision` is true for `allow` alone; `context` says what the answer of /v1/decisions says."""

    decision = fields.Boolean()
    context = fields.Dict()


class AuthDecisionsShape(Shape):
    evaluations = fields.List(fields.Nested(AuthDecisionShape))
