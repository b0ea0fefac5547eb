"""Offers: the catalogue, and what of it may go to one person. `POST /v1/offers/permitted` is one of the two
hot routes: its body is read by the compiled reader, and by the shape where that one does not take it."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from marshmallow import ValidationError

from schemas.compiled import read_ask_offers
from schemas.fields import Sku
from schemas.offers import AskOffersShape, ListedOfferShape, OfferShape, OffersShape, PermittedOffersShape
from service.api import bodies
from service.api.auth import allow
from service.api.context import actor, services, unit
from service.api.openapi import Routes, json_response
from service.api.paging import PageQuery, read_page, show_page
from service.errors import NotFoundError
from service.instants import show_instant
from service.policy import LEVEL_NAMES
from service.storage.offers import Offer
from service.use_cases.permit_offers import PermittedOffer, permit_offers
from service.use_cases.put_offer import put_offer
from service.use_cases.read_offers import list_offers, read_offer
from service.use_cases.special import shown_count

routes = Routes("offers", "Offers: the catalogue, and which of them may go to a person now")

_ASK = AskOffersShape()
_id = Sku()


@routes.get("/offers")
@routes.query(PageQuery)
@routes.answer(200, OffersShape)
@allow("marketing")
def list_all(query: dict[str, Any]) -> Response:
    """The catalogue by id"""
    page = read_page(query)
    with unit() as work:
        found = list_offers(work, page.after or "", page.limit)
    return json_response(show_page([_show(each) for each in found], page, found[-1].id if found else None))


@routes.get("/offers/<offer>")
@routes.answer(200, ListedOfferShape)
@allow("marketing")
def read_one(offer: str) -> Response:
    """One offer"""
    with unit() as work:
        found = read_offer(work, _checked(offer))
    return json_response(_show(found))


@routes.put("/offers/<offer>")
@routes.body(OfferShape)
@routes.answer(200, ListedOfferShape)
@allow("marketing")
def put_one(body: dict[str, Any], offer: str) -> Response:
    """Add an offer, or replace what stands under its id. The policy in force must know what it names"""
    made = Offer(id=_checked(offer), **body)
    with unit() as work:
        put_offer(work, made)
    return json_response(_show(made))


@routes.post("/offers/permitted")
@routes.body_doc(AskOffersShape)
@routes.answer(200, PermittedOffersShape)
@allow("marketing")
def ask() -> Response:
    """Which offers may go to a person now, best first, each with a permit to redeem before it goes"""
    bodies.check_media_type(bodies.JSON)
    body = request.get_data()
    asked = read_ask_offers(body) or _ASK.read(bodies.parse_json(body))
    answered = permit_offers(services(), actor(), asked)
    shown: dict[str, Any] = {
        "epoch": answered.epoch,
        "policy": answered.policy,
        "permitted": [_show_permitted(each) for each in answered.permitted],
        "withheld": [{"offer": offer, "stage": stage} for offer, stage in answered.withheld],
    }
    if answered.left_out:
        shown["left_out"] = shown_count(answered.left_out)
    return json_response(shown)


def _show_permitted(offer: PermittedOffer) -> dict[str, Any]:
    decision = offer.decision
    shown: dict[str, Any] = {
        "offer": decision.candidate,
        "strategy": None if decision.strategy is None else LEVEL_NAMES[decision.strategy],
        "channel": decision.channel,
        "not_before": None if decision.not_before is None else show_instant(decision.not_before),
        "score": offer.score,
        "permit": offer.permit,
    }
    if offer.sponsored:
        shown["sponsored"] = True
    return shown


def _show(offer: Offer) -> dict[str, Any]:
    shown: dict[str, Any] = ListedOfferShape().dump(offer)
    return shown


def _checked(offer: str) -> str:
    """What no offer can be called, none is called: a fault of the path, not of the body."""
    try:
        return str(_id.deserialize(offer))
    except ValidationError:
        raise NotFoundError("offer") from None
