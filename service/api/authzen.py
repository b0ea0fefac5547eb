"""OpenID AuthZEN 1.0: the same question in the shape that gateways and other enforcement points ask it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from flask import Response

from schemas.authzen import (
    AuthDecisionShape,
    AuthDecisionsShape,
    EvaluationShape,
    EvaluationsShape,
)
from schemas.base import below
from schemas.candidates import CandidateShape
from service.api.auth import allow
from service.api.context import actor, services
from service.api.decisions import shown_to
from service.api.openapi import Routes, json_response
from service.errors import InputFault, InvalidInputError
from service.policy import Outcome
from service.storage.asked import AskedCandidate
from service.use_cases.decide import decide

routes = Routes("access", "OpenID AuthZEN 1.0 over the same evaluator", prefix="/access/v1")

_CANDIDATE = CandidateShape()
_STOPS = {"deny_on_first_deny": False, "permit_on_first_permit": True}
_Part = dict[str, Any]


@routes.post("/evaluation")
@routes.body(EvaluationShape)
@routes.answer(200, AuthDecisionShape)
@allow("shop", "dpo", "marketing")
def evaluate_one(body: _Part) -> Response:
    """Whether a candidate is allowed as asked, now"""
    return json_response(_evaluate([(body, "/resource/properties")])[0])


@routes.post("/evaluations")
@routes.body(EvaluationsShape)
@routes.answer(200, AuthDecisionsShape)
@allow("shop", "dpo", "marketing")
def evaluate_many(body: _Part) -> Response:
    """The same for up to 500 at once; what an evaluation leaves out is taken from the request around it"""
    around = {name: body[name] for name in ("subject", "action", "resource") if name in body}
    parts = []
    for place, part in enumerate(body["evaluations"]):
        whose = f"/evaluations/{place}" if "resource" in part else ""
        parts.append((around | part, f"{whose}/resource/properties"))
    answers = _evaluate(parts)
    stop = _STOPS.get(body.get("options", {}).get("evaluations_semantic", ""))
    if stop is not None:
        first = next((n for n, answer in enumerate(answers) if answer["decision"] is stop), len(answers))
        answers = answers[: first + 1]
    return json_response({"evaluations": answers})


def _evaluate(parts: list[tuple[_Part, str]]) -> list[_Part]:
    asked: list[AskedCandidate] = []
    faults: list[InputFault] = []
    for part, pointer in parts:
        try:
            asked.append(_candidate(part, pointer))
        except InvalidInputError as error:
            faults += error.faults
    if faults:
        raise InvalidInputError(faults)
    by_subject: dict[UUID, list[int]] = defaultdict(list)
    for place, (part, _) in enumerate(parts):
        by_subject[part["subject"]["id"]].append(place)
    # What is left out for being of a special category is no more than not allowed.
    answers: list[_Part] = [{"decision": False} for _ in parts]
    for subject, places in by_subject.items():
        answered = decide(services(), actor(), subject, [asked[place] for place in places])
        shown = shown_to(actor(), answered)
        for decided, decision, context in zip(answered.places, answered.decisions, shown, strict=True):
            allowed = decision.outcome is Outcome.allow
            answers[places[decided]] = {"decision": allowed, "context": context}
    return answers


def _candidate(part: _Part, pointer: str) -> AskedCandidate:
    """The candidate that resource and action name together."""
    resource = part["resource"]
    properties = resource["properties"]
    clashes = [name for name in ("id", "strategy") if name in properties]
    if clashes:
        raise InvalidInputError(
            [InputFault(below(pointer, n), "stands outside the properties") for n in clashes]
        )
    candidate = {**properties, "id": resource["id"], "strategy": part["action"]["name"]}
    try:
        found: AskedCandidate = _CANDIDATE.read(candidate)
    except InvalidInputError as error:
        raise InvalidInputError([InputFault(pointer + f.pointer, f.message) for f in error.faults]) from None
    return found
