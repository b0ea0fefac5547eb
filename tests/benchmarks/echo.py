"""The application with two routes more, to measure the others against: an echo through the framework, which
reads and writes the body of POST /v1/decisions by its shape as every ordinary route does, and a hello."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from flask import Response
from marshmallow import post_load

from schemas.consents import ConsentShape
from schemas.decisions import AskShape
from schemas.offers import AskOffersShape
from service import wsgi
from service.api import app as application_module
from service.api.auth import allow, public
from service.api.openapi import Routes, json_response

if TYPE_CHECKING:
    from flask import Flask

routes = Routes("bench", "Only to measure against", prefix="/bench")


class EchoShape(AskShape):
    """The same body, out again."""


@routes.post("/echo")
@routes.body(EchoShape)
@routes.answer(200, EchoShape)
@allow("shop")
def echo(body: Any) -> Any:
    """What came"""
    return body


class EchoOffersShape(AskOffersShape):
    """The same body, out again."""

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Any:
        return loaded


@routes.post("/offers")
@routes.body(EchoOffersShape)
@routes.answer(200, EchoOffersShape)
@allow("marketing")
def echo_offers(body: Any) -> Any:
    """What came"""
    return body


class EchoConsentShape(ConsentShape):
    """The same body, out again."""


@routes.post("/consents")
@routes.body(EchoConsentShape)
@routes.answer(200, EchoConsentShape)
@allow("shop")
def echo_consent(body: Any) -> Any:
    """What came"""
    return body


@routes.get("/hello")
@public
@routes.answer(200)
def hello() -> Response:
    """Hello"""
    return json_response({"hello": "world"})


def __getattr__(name: str) -> Flask:
    if name != "application":
        raise AttributeError(name)
    sys.modules["service.api.bench"] = sys.modules[__name__]
    application_module.NOUNS = (*application_module.NOUNS, "bench")  # type: ignore[assignment]
    globals()[name] = application = wsgi.build()
    return application
