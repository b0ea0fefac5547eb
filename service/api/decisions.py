"""Decisions over HTTP. `POST /v1/decisions` is one of the two hot routes: its body is read by the compiled
reader, and by the shape where that one does not take it."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from schemas.codes import LOCALES
from schemas.compiled import Ask, read_ask
from schemas.decisions import AskShape, DecisionsShape, ExplainQuery, RecordedDecisionShape
from service.actor import Actor
from service.api import bodies
from service.api.auth import allow
from service.api.context import actor, recorded, services, unit
from service.api.openapi import Routes, json_response
from service.errors import ForbiddenError
from service.policy import decision_stage
from service.storage.decisions import read_decision_id
from service.storage.subjects import read_subject
from service.use_cases.counterfactuals import would_allow, would_stop
from service.use_cases.decide import Answered, decide
from service.use_cases.read_decision import read_decision
from service.use_cases.special import shown_count

routes = Routes("decisions", "May we do this, for this person, now — and if not, what is the most we may do?")

_ASK = AskShape()


@routes.post("/decisions")
@routes.body_doc(AskShape)
@routes.answer(200, DecisionsShape)
@allow("customer", "shop", "dpo", "marketing")
def ask() -> Response:
    """Decide about up to 500 candidates for one subject"""
    bodies.check_media_type(bodies.JSON)
    body = request.get_data()
    asked = read_ask(body) or Ask(**_ASK.read(bodies.parse_json(body)))
    asker = actor()
    if asked.counterfactuals and not asker.has("customer", "dpo"):
        raise ForbiddenError("counterfactuals are for the customer and the DPO")
    answered = decide(services(), asker, asked.subject, asked.candidates)
    shown = shown_to(asker, answered)
    if asked.counterfactuals:
        _add_counterfactuals(answered, shown)
    body_out: dict[str, Any] = {
        "epoch": answered.epoch,
        "policy": answered.in_force.version,
        "decisions": shown,
    }
    if answered.left_out:
        body_out["left_out"] = shown_count(answered.left_out)
    return json_response(body_out)


@routes.get("/decisions/<decision>")
@routes.query(ExplainQuery)
@routes.answer(200, RecordedDecisionShape)
@allow("customer", "dpo")
def recorded_decision(query: dict[str, Any], decision: str) -> Response:
    """A recorded decision: what it depended on, its reasons, and an explanation in the reader's language"""
    row_id, index = read_decision_id(decision)
    with unit() as work:
        found = read_decision(work, services().policies, row_id, index)
        subject = recorded(work, read_subject(work, found.subject))
    locale = query.get("locale") or request.accept_languages.best_match(LOCALES) or subject.choices.locale
    return json_response(found.shown(decision, locale, subject.choices.timezone))


def shown_to(asker: Actor, answered: Answered) -> list[dict[str, Any]]:
    """The decisions as this actor may see them, with their ids where they were kept."""
    shown = [decision.to_dict() for decision in answered.decisions]
    if asker.has("marketing"):
        # Without the reasons: a code tells private choices.
        for each, decision in zip(shown, answered.decisions, strict=True):
            del each["reasons"]
            each["stage"] = decision_stage(decision)
    for each, decision_id in zip(shown, answered.ids, strict=False):
        each["id"] = decision_id
    return shown


def _add_counterfactuals(answered: Answered, shown: list[dict[str, Any]]) -> None:
    policy, state, now = answered.in_force.policy, answered.state, answered.at
    for each, candidate in zip(shown, answered.candidates, strict=True):
        each["would_allow"] = [c.to_dict() for c in would_allow(policy, state, candidate, now)]
        each["would_stop"] = [c.to_dict() for c in would_stop(policy, state, candidate, now)]
