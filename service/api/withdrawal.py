"""The withdrawal function (CRD 11a): a link beside what is said of an order, without a login."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask import Response, request

from service.actor import system_actor
from service.api.auth import public
from service.api.context import services
from service.api.limits import small
from service.api.openapi import Routes
from service.api.pages import FORM, asked_locale, page_answer, require_form
from service.crypto.reorder_link import WITHDRAW, open_link
from service.errors import MalformedInputError, NotFoundError
from service.ids import REORDER, show
from service.pages.withdrawal import (
    ASK,
    CONFIRMED,
    CONTACT,
    GONE,
    NAME,
    PAGE,
    REFUSED,
    WRONG,
    Contract,
    Form,
    withdrawal_page,
)
from service.storage.reorders import Reorder
from service.storage.withdrawals import ACCEPTED, Withdrawal
from service.use_cases.withdraw_from_contract import (
    BY_LINK,
    find_ordered,
    is_address,
    one_line,
    withdraw_from_contract,
)
from service.use_cases.withdrawal_terms import Terms

routes = Routes("withdrawal", "Withdraw from a contract by a link", prefix="/withdraw")

_LONGEST_NAME = 100
_STATUS = {ASK: 200, CONFIRMED: 200, REFUSED: 409, GONE: 410, WRONG: 404}


@routes.get("/<link>")
@public
@routes.answer(200, description="A page with a form. It changes nothing")
def ask(link: str) -> Response:
    """Whether the contract can be withdrawn from and until when, and the form for it."""
    reorder = _opened(link)
    if reorder is None:
        return _page(WRONG)
    with services().unit(system_actor(BY_LINK)) as u:
        try:
            found = find_ordered(u, reorder)
        except NotFoundError:
            return _page(GONE)
    contract = _contract(found.reorder, found.person.choices.timezone, found.terms, found.accepted)
    return _page(_stage(contract), contract, status=200)


@routes.post("/<link>")
@public
@small
@routes.answer(200, description="Withdrawn, whether or not it had been done before")
def withdraw_now(link: str) -> Response:
    """`name`, `contact` (an e-mail address) and `confirm=yes` as a form. A missing one is asked for again."""
    reorder = _opened(link)
    if reorder is None:
        return _page(WRONG)
    form = _form()
    with services().unit(system_actor(BY_LINK)) as u:
        try:
            found = find_ordered(u, reorder)
            zone = found.person.choices.timezone
            contract = _contract(found.reorder, zone, found.terms, found.accepted)
            if form.faults:
                stage = _stage(contract)
                return _page(stage, contract, form if stage == ASK else None)
            done = withdraw_from_contract(u, reorder, form.values[NAME], form.values[CONTACT])
        except NotFoundError:
            return _page(GONE)
    contract = _contract(done.reorder, zone, done.terms, done.withdrawal)
    return _page(_stage(contract), contract)


def _opened(link: str) -> UUID | None:
    return open_link(services().index, WITHDRAW, link)


def _form() -> Form:
    require_form(FORM)
    if request.form.get("confirm") != "yes":
        raise MalformedInputError("it does not say confirm=yes")
    values = {each: one_line(request.form.get(each, "")) for each in (NAME, CONTACT)}
    wrong = {
        NAME: not 0 < len(values[NAME]) <= _LONGEST_NAME,
        CONTACT: not is_address(values[CONTACT]),
    }
    return Form(values, tuple(name for name, faulty in wrong.items() if faulty))


def _contract(reorder: Reorder, zone: str, terms: Terms, kept: Withdrawal | None) -> Contract:
    accepted = kept if kept is not None and kept.outcome == ACCEPTED else None
    return Contract(
        reorder=show(REORDER, reorder.id),
        ordered_at=reorder.created_at,
        timezone=zone,
        rule=terms.rule,
        is_sent=terms.is_sent if accepted is None else not accepted.details.cancelled,
        last_moment=None if terms.until is None else terms.until - timedelta(seconds=1),
        reason=terms.reason,
        withdrawn_at=None if accepted is None else accepted.at,
    )


def _stage(contract: Contract) -> str:
    if contract.withdrawn_at is not None:
        return CONFIRMED
    return ASK if contract.reason is None else REFUSED


def _page(
    stage: str, contract: Contract | None = None, form: Form | None = None, *, status: int | None = None
) -> Response:
    html = withdrawal_page(stage, asked_locale(), contract, form)
    return page_answer(PAGE, html, status or (422 if form is not None else _STATUS[stage]))
