"""What the page of a receipt shows, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel import Locale
from babel.units import format_unit

from service.explanations.amounts import show_date, show_moment
from service.explanations.catalogue import Catalogue, language_of
from service.explanations.names import title_in
from service.receipts import facts
from service.receipts.canonical import PROOF
from service.receipts.parties import address_line, contacts
from service.receipts.source import Source

WORDS = Catalogue(Path(__file__).with_name("catalogues"))

_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_UNITS = ("duration-year", "duration-month", "duration-week", "duration-day")

Row = tuple[str, list[str]]


@dataclass(frozen=True, slots=True)
class View:
    """`lang` is the page's language, `notice_lang` that of the text that was shown. Rows are a name and the
    lines that belong to it."""

    lang: str
    title: str
    lead: str
    given: bool
    answer: list[Row]
    covers: list[Row]
    responsible: list[Row]
    check: list[Row]
    notice_heading: str
    notice_version: str
    notice_lang: str
    notice_title: str | None
    notice_words: list[str]
    change: str
    change_url: str | None
    complain: str | None
    authority_url: str | None
    file_name: str

    def word(self, name: str) -> str:
        return WORDS.sentence(self.lang, name)


def receipt_view(source: Source, receipt: Mapping[str, Any], locale: str, timezone: str = "UTC") -> View:
    """`receipt` is the one with its proof; instants are told in `timezone`."""
    lang = language_of(locale)
    controller = facts.controller(source)
    authority = controller.get("authority")
    named = authority if isinstance(authority, Mapping) else {}
    notice = source.notice
    version = {"version": notice.version, "language": _language(notice.locale, lang)}
    return View(
        lang=lang,
        title=WORDS.sentence(lang, "title"),
        lead=WORDS.sentence(lang, f"lead.{source.state.value}", {"name": _name(source, lang)}),
        given=source.state.permits,
        answer=_answer(source, lang, timezone),
        covers=_covers(source, lang),
        responsible=_responsible(controller, lang),
        check=_check(source, receipt, lang),
        notice_heading=WORDS.sentence(lang, "text.shown" if notice.shown else "text.stood"),
        notice_version=WORDS.sentence(lang, "text.version", version),
        notice_lang=notice.locale,
        notice_title=notice.title,
        notice_words=[text for text in (notice.summary, notice.words) if text],
        change=WORDS.sentence(lang, "change.withdraw" if source.state.permits else "change.answer"),
        change_url=controller.get("privacy_url"),
        complain=WORDS.sentence(lang, "change.complain", {"authority": named["name"]})
        if named.get("name")
        else None,
        authority_url=named.get("url"),
        file_name=f"{source.event_id}.jsonld",
    )


def _name(source: Source, lang: str) -> str:
    if source.kind == "purpose":
        return title_in(source.document, "purposes", source.name, lang)
    channel = title_in(source.document, "channels", source.name, lang)
    return WORDS.sentence(lang, "channel", {"channel": channel})


def _answer(source: Source, lang: str, timezone: str) -> list[Row]:
    until = WORDS.sentence(lang, "endless")
    if source.state.permits and source.expires_at is not None:
        until = WORDS.sentence(lang, "until", {"date": show_date(source.expires_at, lang, timezone)})
    known = WORDS.has_sentence(f"origin.{source.origin}")
    rows = [
        ("when", [show_moment(source.at, lang, timezone), f"{source.at:%Y-%m-%d %H:%M:%S} UTC"]),
        ("where", [WORDS.sentence(lang, f"origin.{source.origin}") if known else source.origin]),
        ("lasts", [until]),
    ]
    if source.state.permits and source.explicit:
        rows.append(("confirmed", [WORDS.sentence(lang, "yes")]))
    return _named(rows, lang)


def _covers(source: Source, lang: str) -> list[Row]:
    none = WORDS.sentence(lang, "not_stated")
    recipients = [each.name for each in facts.recipients_of(source)]
    ground = facts.legal_basis(source).removeprefix("eu-gdpr:")
    return _named(
        [
            ("data", _data(source, lang)),
            ("recipients", recipients or [WORDS.sentence(lang, "recipients.none")]),
            ("kept", _kept(source, lang) or [none]),
            ("kept.where", [_country(code, lang) for code in facts.places(source, "locations")] or [none]),
            ("ground", [WORDS.sentence(lang, f"ground.{ground}")]),
        ],
        lang,
    )


def _data(source: Source, lang: str) -> list[str]:
    if source.kind == "channel":
        return [title_in(source.document, "channels", source.name, lang)]
    names = source.entry.get("data") or ()
    return [title_in(source.document, "data", name, lang) for name in names] or [
        WORDS.sentence(lang, "not_stated")
    ]


def _kept(source: Source, lang: str) -> list[str]:
    """One period for the purpose where it has its own, or one for each category of data."""
    period = facts.retention_of(source)
    each = [(data.name, data.retention) for data in facts.data_of(source) if data.retention is not None]
    if period is None or len({kept for _, kept in each}) < 2 or source.entry.get("retention"):
        return [] if period is None else [show_period(period, lang)]
    titles = {name: title_in(source.document, "data", name, lang) for name, _ in each}
    return [f"{titles[name]}: {show_period(kept, lang)}" for name, kept in each]


def _responsible(controller: Mapping[str, Any], lang: str) -> list[Row]:
    none = WORDS.sentence(lang, "not_stated")
    address = address_line(controller.get("address"))
    rows = [
        ("responsible.name", [str(controller.get("name") or none)]),
        ("responsible.address", [none if address == facts.NOT_STATED else address]),
        ("responsible.contact", contacts(controller) or [none]),
    ]
    return _named(rows, lang)


def _check(source: Source, receipt: Mapping[str, Any], lang: str) -> list[Row]:
    proof = receipt[PROOF]
    ledger = proof.get("ledger")
    place = WORDS.sentence(lang, "check.log.none") if ledger is None else str(ledger["position"])
    return _named(
        [
            ("check.number", [str(source.receipt_uuid)]),
            ("check.event", [source.event_id]),
            ("check.digest", [proof["digest"]]),
            ("check.log", [place]),
        ],
        lang,
    )


def _named(rows: list[Row], lang: str) -> list[Row]:
    return [(WORDS.sentence(lang, name), lines) for name, lines in rows]


def show_period(period: str, lang: str) -> str:
    """An ISO 8601 duration in words; one that is not of days and longer units stays as it is."""
    found = _PERIOD.fullmatch(period)
    locale = Locale.parse(lang)
    parts = [
        format_unit(int(count), unit, locale=locale)
        for count, unit in zip(found.groups() if found else (), _UNITS, strict=False)
        if count
    ]
    return " ".join(parts) or period


def _language(code: str, lang: str) -> str:
    return str(Locale.parse(lang).languages.get(code.partition("-")[0], code))


def _country(code: str, lang: str) -> str:
    return str(Locale.parse(lang).territories.get(code, code))
