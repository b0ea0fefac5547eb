"""One-click unsubscription (RFC 8058): a link in a letter, without a login."""

from __future__ import annotations

from flask import Response, request

from service.actor import system_actor
from service.api.auth import public
from service.api.context import services
from service.api.limits import small
from service.api.openapi import Routes
from service.api.pages import FORM, asked_locale, page_answer, require_form
from service.crypto.unsubscribe_token import Unsubscription, open_token
from service.errors import MalformedInputError
from service.pages.unsubscribe import ASK, DONE, PAGE, WRONG, unsubscribe_page
from service.use_cases.unsubscribe import BY_LINK, unsubscribe

routes = Routes("unsubscribe", "Unsubscribe by a link", prefix="/u")

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
    require_form(FORM, "multipart/form-data")
    request.max_form_parts = _MOST_PARTS
    if request.form.get("List-Unsubscribe") != "One-Click":
        raise MalformedInputError("it does not say List-Unsubscribe=One-Click")


def _page(stage: str) -> Response:
    return page_answer(PAGE, unsubscribe_page(stage, asked_locale()), 404 if stage == WRONG else 200)
