"""One-click unsubscription (RFC 8058): a link in a letter, without a login."""

from __future__ import annotations

from flask import Response, request

from service.actor import system_actor
from service.api.auth import public
from service.api.context import services
from service.api.limits import small
from service.api.openapi import Routes
from service.api.problems import UnsupportedMediaTypeError
from service.crypto.unsubscribe_token import Unsubscription, open_token
from service.errors import MalformedInputError
from service.explanations import LANGUAGES
from service.pages.unsubscribe import ASK, DONE, WRONG, content_policy, unsubscribe_page
from service.use_cases.unsubscribe import BY_LINK, unsubscribe

routes = Routes("unsubscribe", "Unsubscribe by a link", prefix="/u")

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
# RFC 8058 has one part; a mail program may send a preamble of its own, never many.
_MOST_PARTS = 4


@routes.get("/<token>")
@public
@routes.answer(200, description="A page with one button. It changes nothing")
def ask(token: str) -> Response:
    """Programs that look at links before people do must not unsubscribe anybody."""
    return _page(ASK if _opened(token) else WRONG)


@routes.post("/<token>")
@public
@small
@routes.answer(200, description="Done, whether or not it had been done before")
def unsubscribe_now(token: str) -> Response:
    """`List-Unsubscribe=One-Click` as a form, from a mail program or from the page's button. Objects to
    direct marketing and refuses the channel that the letter came by."""
    asked = _opened(token)
    if asked is None:
        return _page(WRONG)
    _check_form()
    with services().unit(system_actor(BY_LINK)) as u:
        unsubscribe(u, asked)
    return _page(DONE)


def _opened(token: str) -> Unsubscription | None:
    return open_token(services().index, token)


def _check_form() -> None:
    if request.mimetype not in _FORMS:
        raise UnsupportedMediaTypeError(f"send {' or '.join(_FORMS)}")
    request.max_form_parts = _MOST_PARTS
    if request.form.get("List-Unsubscribe") != "One-Click":
        raise MalformedInputError("it does not say List-Unsubscribe=One-Click")


def _page(stage: str) -> Response:
    # By what the browser asks for: the person's own language would tell something of a person.
    locale = request.accept_languages.best_match([*LANGUAGES, "no", "nn"]) or "en"
    page = Response(
        unsubscribe_page(stage, locale),
        404 if stage == WRONG else 200,
        content_type="text/html; charset=utf-8",
    )
    page.headers["Content-Security-Policy"] = content_policy()
    page.headers["Vary"] = "Accept-Language"
    return page
