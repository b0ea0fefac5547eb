"""Answering a prepared order by the link in the message about it (api.md, "Reorders"; law.md A5)."""

from __future__ import annotations

from uuid import UUID

from flask import Response, request

from service.actor import system_actor
from service.api.auth import public
from service.api.context import services
from service.api.limits import small
from service.api.openapi import Routes
from service.api.pages import FORM, asked_locale, page_answer, require_form
from service.crypto.reorder_link import ANSWER, open_link
from service.errors import ConflictError, MalformedInputError, NotFoundError
from service.pages.answer import CLOSED, DONE, GONE, OPEN, PAGE, WRONG, answer_page
from service.use_cases.answer_by_link import ANSWERS, BY_LINK, Offered, answer_by_link, offer_answers

routes = Routes("answers", "Answer a prepared order by a link", prefix="/order")

_STATUS = {OPEN: 200, DONE: 200, CLOSED: 200, GONE: 410, WRONG: 404}


@routes.get("/<order_link>")
@public
@routes.answer(200, description="A page with a button for each answer. It changes nothing")
def ask(order_link: str) -> Response:
    """What was prepared, what it costs, and what can be answered."""
    reorder = _opened(order_link)
    if reorder is None:
        return _page(WRONG)
    with services().unit(system_actor(BY_LINK)) as u:
        try:
            offered = offer_answers(u, reorder)
        except NotFoundError:
            return _page(GONE)
    return _offered(offered)


@routes.post("/<order_link>")
@public
@small
@routes.answer(200, description="Answered")
def answer(order_link: str) -> Response:
    """`answer` as a form: approve, snooze (three days), have-plenty, skip or cancel."""
    reorder = _opened(order_link)
    if reorder is None:
        return _page(WRONG)
    given = _answer()
    try:
        with services().unit(system_actor(BY_LINK)) as u:
            offered = answer_by_link(u, reorder, given)
    except NotFoundError:
        return _page(GONE)
    except ConflictError:
        with services().unit(system_actor(BY_LINK)) as u:
            return _offered(offer_answers(u, reorder), status=409)
    return _page(DONE, offered, given=given)


def _opened(link: str) -> UUID | None:
    return open_link(services().index, ANSWER, link)


def _answer() -> str:
    require_form(FORM)
    given = request.form.get("answer", "")
    if given not in ANSWERS:
        raise MalformedInputError(f"answer is one of {', '.join(ANSWERS)}")
    return given


def _offered(offered: Offered, status: int | None = None) -> Response:
    actions = offered.reorder["actions"]
    # Where nothing is ordered yet, "not this time" is all that there is to stop.
    answers = [name for name in ANSWERS if name in actions and (name != "cancel" or "skip" not in actions)]
    return _page(OPEN if answers else CLOSED, offered, answers, status=status)


def _page(
    stage: str,
    offered: Offered | None = None,
    answers: list[str] | None = None,
    *,
    given: str | None = None,
    status: int | None = None,
) -> Response:
    # The language of the letter; where nobody is known, what the browser asks for.
    html = answer_page(
        stage,
        asked_locale() if offered is None else offered.locale,
        reorder=None if offered is None else offered.reorder,
        timezone="UTC" if offered is None else offered.timezone,
        answers=answers or (),
        given=given,
    )
    return page_answer(PAGE, html, status or _STATUS[stage])
