"""What a letter says, in the person's language: as lines of text, and as a plain page.

A parcel's `content` gives the values: `product`, `quantity`, `price_minor` and `currency` (of the whole
order), `date` and `until` (RFC 3339), `timezone` (IANA), `url` (where to act), `withdraw_url` (where to
withdraw from the contract), `why` (the code of what kept an order from leaving by itself). A message whose
words somebody else chose has them in `text`: {`subject`, `body`}. `marketing` says whether it is some;
notices of an order are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from service.explanations.amounts import show_date, show_moment, show_money
from service.explanations.catalogue import Catalogue, language_of
from service.explanations.forecasts import show_run_out_days
from service.explanations.reorders import explain_asking, explain_step
from service.senders import Parcel
from service.templates import load_template

_HERE = Path(__file__).parent
_WORDS = Catalogue(_HERE / "catalogues")
# They belong to a contract: whoever ordered must get them.
_CANCELLED = "reorder.cancelled"
_REMINDER, _UNDATED = "reminder.due", "reminder.undated"
_NOTICES = frozenset({"reorder.announced", "reorder.dispatched", _CANCELLED})
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_LONGEST_SUBJECT = 200


class LetterError(Exception):
    """There is no letter of this kind, or a value that it needs is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph, and where it leads."""

    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """`subject` is one line, whatever it was made from."""

    lang: str
    subject: str
    lines: tuple[Line, ...]

    @property
    def plain(self) -> str:
        parts = [line.text if line.url is None else f"{line.text}\n{line.url}" for line in self.lines]
        return "\n\n".join(parts) + "\n"

    @property
    def html(self) -> str:
        return _template().render(letter=self)


def is_marketing(parcel: Parcel) -> bool:
    """Whether it must offer a way out (RFC 8058, ePrivacy 13(2)); where nobody says, what is no notice is."""
    return bool(parcel.content.get("marketing", parcel.kind not in _NOTICES))


def letter_of(parcel: Parcel, unsubscribe: str | None) -> Letter:
    """`unsubscribe`: the link's address, at the end of the letter. Raises LetterError."""
    try:
        subject, lines = _said(parcel.content["text"]) if "text" in parcel.content else _composed(parcel)
    except (KeyError, TypeError, ValueError):
        raise LetterError from None
    if unsubscribe is not None:
        lines.append(Line(_WORDS.sentence(parcel.locale, "unsubscribe"), unsubscribe))
    flat = _CONTROL.sub(" ", subject).strip()[:_LONGEST_SUBJECT]
    return Letter(language_of(parcel.locale), flat, tuple(lines))


def _said(text: Mapping[str, Any]) -> tuple[str, list[Line]]:
    return str(text["subject"]), [Line(part) for part in str(text["body"]).split("\n\n") if part.strip()]


def _composed(parcel: Parcel) -> tuple[str, list[Line]]:
    values, url = _values(parcel), parcel.content.get("url")
    if url is not None and not str(url).startswith("https://"):
        raise LetterError

    def said(part: str, kind: str = parcel.kind) -> str:
        return _WORDS.sentence(parcel.locale, f"{kind}.{part}", values)

    # What the customer ordered by themselves and is asked about has no run-out.
    about = _UNDATED if parcel.kind == _REMINDER and "date" not in values else parcel.kind
    lines = [Line(said("what", about)), *_because(parcel)]
    if about == _REMINDER and "price" in values:
        lines.append(Line(said("order")))
    lines.append(Line(said("act"), url))
    if "withdraw_url" in parcel.content:
        lines.append(Line(_WORDS.sentence(parcel.locale, "withdraw"), str(parcel.content["withdraw_url"])))
    return said("subject", about), lines


def _because(parcel: Parcel) -> list[Line]:
    if "why" not in parcel.content:
        return []
    why = str(parcel.content["why"])
    if parcel.kind != _CANCELLED:
        return [Line(explain_asking(why, parcel.locale))]
    told = explain_step("cancelled", why, parcel.locale)
    return [] if told is None else [Line(told)]


def _values(parcel: Parcel) -> dict[str, str]:
    content, locale = parcel.content, parcel.locale
    timezone = str(content.get("timezone", "UTC"))
    values = {"product": str(content["product"]), "quantity": str(content.get("quantity", 1))}
    if content.get("date") is not None:
        values["date"] = show_date(datetime.fromisoformat(content["date"]), locale, timezone)
    if content.get("run_out"):
        # About when, and not a day that nobody can know.
        days = [datetime.fromisoformat(content["run_out"][name]) for name in ("earliest", "median", "latest")]
        values["when"] = show_run_out_days(days[0], days[1], days[2], locale, timezone)
    elif "date" in values:
        values["when"] = values["date"]
    if "until" in content:
        values["until"] = show_moment(datetime.fromisoformat(content["until"]), locale, timezone)
    if content.get("price_minor") is not None:
        values["price"] = show_money(content["price_minor"], content["currency"], locale)
    return values


@cache
def _template() -> Template:
    return load_template(_HERE / "templates", "letter.html")
