"""The page on which a prepared order is answered: what it is, what it costs, and one button for each answer.
It works without scripts; no answer is larger, earlier filled in or easier than another (EDPB 03/2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from service.explanations.amounts import show_date, show_money
from service.explanations.mandates import order_button
from service.pages.page import WORDS, Page

OPEN, DONE, CLOSED, GONE, WRONG = "open", "done", "closed", "gone", "wrong"

PAGE = Page("answer.html", ("answer.css",))
_APPROVE, _ANNOUNCED = "approve", "announced"


def answer_page(
    stage: str,
    locale: str,
    *,
    reorder: Mapping[str, Any] | None = None,
    timezone: str = "UTC",
    answers: Sequence[str] = (),
    given: str | None = None,
) -> str:
    """`stage` is OPEN (with the `answers` that can be given), DONE (one was `given`), CLOSED, GONE or WRONG;
    `reorder` as `list_reorders` shows it, for the first three."""
    values = {} if reorder is None else _values(reorder, locale, timezone)

    def say(name: str) -> str:
        return WORDS.sentence(locale, f"answer.{name}", values)

    return PAGE.render(
        locale,
        lead=values["product"] if stage == OPEN else say(f"{stage}.lead"),
        lines=_lines(stage, reorder, given, say),
        # The button that binds says what it does, in the words of the law (CRD Art. 8(2)).
        buttons=[(name, order_button(locale) if name == _APPROVE else say(f"do.{name}")) for name in answers],
    )


def _lines(stage: str, reorder: Mapping[str, Any] | None, given: str | None, say: Any) -> list[str]:
    if reorder is None:
        return [say(f"{stage}.what")]
    if stage == DONE:
        return [say(f"done.{given}")]
    why = reorder.get("explanation")
    if stage == CLOSED:
        return [say("closed.what"), *([why] if why else [])]
    lines = [say("open.what"), say("open.price")]
    if reorder["state"] == _ANNOUNCED and reorder.get("until"):
        lines.append(say("open.announced"))
    words = (reorder.get("run_out") or {}).get("words")
    return [*lines, *([words] if words else []), *([why] if why else [])]


def _values(reorder: Mapping[str, Any], locale: str, timezone: str) -> dict[str, str]:
    values = {"product": str(reorder["name"]), "quantity": str(reorder["quantity"])}
    values["price"] = show_money(reorder["price_minor"] * reorder["quantity"], reorder["currency"], locale)
    if reorder.get("until"):
        values["until"] = show_date(datetime.fromisoformat(reorder["until"]), locale, timezone)
    return values
