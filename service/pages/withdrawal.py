"""The page of the withdrawal function (CRD 11a; law.md A8): one form with three fields and one button, and
what came of it. It works without scripts, names no goods, and tells nothing of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from service.explanations.amounts import show_date, show_moment
from service.pages.page import WORDS, Page

ASK, CONFIRMED, REFUSED, GONE, WRONG = "ask", "confirmed", "refused", "gone", "wrong"
NAME, CONTACT = "name", "contact"

PAGE = Page("withdrawal.html", ("form.css",))


@dataclass(frozen=True, slots=True)
class Contract:
    """What the page says of the contract. `last_moment` is the last instant at which it is possible, None
    before delivery; instants are shown in `timezone`."""

    reorder: str
    ordered_at: datetime
    timezone: str
    rule: str
    is_sent: bool
    last_moment: datetime | None = None
    reason: str | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, and which of NAME and CONTACT are at fault."""

    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    faults: tuple[str, ...] = ()


def withdrawal_page(
    stage: str, locale: str, contract: Contract | None = None, form: Form | None = None
) -> str:
    """`stage` is ASK (with `form`), CONFIRMED, REFUSED, GONE or WRONG; the last two without a contract."""
    values = {} if contract is None else _values(contract, locale)

    def say(name: str) -> str:
        return WORDS.sentence(locale, f"withdrawal.{name}", values)

    return PAGE.render(
        locale,
        say=say,
        stage=stage,
        lead=say(f"{stage}.lead"),
        lines=[say(name) for name in _lines(stage, contract)],
        reorder=None if contract is None else contract.reorder,
        form=form or Form(),
    )


def _lines(stage: str, contract: Contract | None) -> list[str]:
    """What is said before the form, or instead of it."""
    if contract is None:
        return [f"{stage}.what"]
    if stage == CONFIRMED:
        return ["confirmed.what", "confirmed.sent", "next.return" if contract.is_sent else "next.cancelled"]
    if stage == REFUSED:
        return [f"refused.{contract.reason}", "refused.faulty"]
    lines = ["ask.what", "ask.until" if contract.last_moment is not None else "ask.before"]
    return lines + (["ask.sealed"] if contract.rule == "sealed_only" else [])


def _values(contract: Contract, locale: str) -> dict[str, str]:
    zone = contract.timezone
    values = {"reorder": contract.reorder, "ordered": show_date(contract.ordered_at, locale, zone)}
    if contract.last_moment is not None:
        values["until"] = show_date(contract.last_moment, locale, zone)
    if contract.withdrawn_at is not None:
        values["moment"] = show_moment(contract.withdrawn_at, locale, zone)
    return values
