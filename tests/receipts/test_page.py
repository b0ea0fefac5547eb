"""The page: whole in every language, readable by everybody, and in need of nobody else."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import service.receipts
from service.consent_states import ConsentState
from service.explanations import LANGUAGES
from service.receipts import build_receipt
from service.receipts.page import content_policy, receipt_page
from service.receipts.proof import with_proof
from service.receipts.source import ShownNotice, Source
from service.receipts.view import receipt_view, show_period
from tests.receipts.conftest import Make
from tests.receipts.log import Log

FOLDER = Path(service.receipts.__file__).parent
STYLE = (FOLDER / "templates" / "receipt.css").read_text()


def page(source: Source, locale: str, timezone: str = "Europe/Stockholm") -> str:
    said = {"kind": "consent", "status": "given"}
    event = {"id": source.event_id, "recorded_at": "2026-11-22T09:00:00Z", "digest": "00" * 32, "said": said}
    evidence = Log(Ed25519PrivateKey.generate()).evidence(event, 3)
    receipt = with_proof(build_receipt(source), source, said, evidence)
    return receipt_page(receipt_view(source, receipt, locale, timezone))


def sentences(language: str) -> dict[str, str]:
    with (FOLDER / "catalogues" / f"{language}.po").open("rb") as found:
        catalogue = read_po(found, locale=language, abort_invalid=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id}


class Outline(HTMLParser):
    """Tags with their attributes, in order; an element left open is a fault."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", ConsentState)
@pytest.mark.parametrize("name", ["personal_offers", "health_personalisation", "email"])
def test_every_event_has_a_page_in_every_language(
    make: Make, name: str, state: ConsentState, language: str
) -> None:
    text = page(make(name, state, shown=state.permits), language)
    outline = Outline(text)
    assert outline.all("html") == [{"lang": language}]
    assert outline.all("blockquote") == [{"lang": "sv"}]
    assert "{" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "_" not in re.sub(r"<[^>]+>|cev_\w+", "", text.replace(STYLE, ""))


def test_headings_tables_and_landmarks(make: Make) -> None:
    outline = Outline(page(make(), "en"))
    headings = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    assert all(head == {"scope": "row"} for head in outline.all("th"))
    assert len(outline.all("main")) == 1
    labels = {section["aria-labelledby"] for section in outline.all("section")}
    assert labels == {heading["id"] for heading in outline.all("h2")}
    assert outline.all("title") == [{}]


def test_nothing_comes_from_elsewhere(make: Make) -> None:
    text = page(make(), "en")
    outline = Outline(text)
    for tag in ("script", "link", "img", "iframe", "object", "form"):
        assert outline.all(tag) == []
    assert "url(" not in text
    assert "@import" not in text
    assert {link["href"] for link in outline.all("a")} == {
        "https://tallgren.example/privacy",
        "https://www.imy.se",
    }
    assert content_policy().startswith("default-src 'none'; style-src 'sha256-")


def test_it_says_what_when_under_which_text_and_how_to_stop(make: Make) -> None:
    source = make("health_personalisation")
    text = page(source, "en")
    for said in (
        "You said yes to “Using your health purchases”.",
        "22 November 2026 at 10:00",
        "2026-11-22 09:00:00 UTC",
        "until 22 November 2027",
        "Version 1, in Swedish.",
        "Det du köper på apotek kan säga något om din hälsa",
        "What you buy",
        "Nobody but us",
        "What you buy: 24 months",
        "How much you use: 12 months",
        "Sweden",
        "Article 9(2)(a)",
        "You can take back your yes at any time",
        "samtycke receipt verify cev_",
        "Apotek Tallgren AB",
    ):
        assert said in text, said
    assert build_receipt(source)["dct:identifier"] in text


def test_what_somebody_wrote_stays_text(make: Make) -> None:
    notice = ShownNotice(1, "sv", True, 0, {"title": "<b>x", "notice": "<script>alert(1)</script>"}, "0" * 64)
    text = page(make(notice=notice, origin="<img src=x>"), "en")
    assert "<script>" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text


def test_a_text_that_is_not_kept_is_not_replaced_by_another(make: Make) -> None:
    notice = ShownNotice(1, "fi", True)
    text = page(make(notice=notice), "sv")
    assert "Orden i den versionen finns inte kvar på det språket." in text
    assert "<blockquote" not in text


def luminance(colour: str) -> float:
    if len(colour) == 4:
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_from_its_ground() -> None:
    """WCAG 1.4.3 and 1.4.11, for every colour of text on every ground of the style."""
    texts = set(re.findall(r"(?<![-\w])color: (#[0-9a-f]{3,6})", STYLE))
    grounds = set(re.findall(r"background: (#[0-9a-f]{3,6})", STYLE))
    assert len(texts) >= 3
    assert len(grounds) >= 2
    for text in texts:
        for ground in grounds:
            assert contrast(text, ground) >= 4.5, (text, ground)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_whole(language: str) -> None:
    english, told = sentences("en"), sentences(language)
    assert set(told) == set(english)
    assert {f"lead.{state.value}" for state in ConsentState} <= set(told)
    for name, text in told.items():
        assert text.strip() == text != ""
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", english[name])), name
        assert language == "en" or text != english[name], name
        assert "!" not in text


def test_periods_are_told_in_words() -> None:
    assert show_period("P24M", "fi") == "24 kuukautta"
    assert show_period("P1Y6M", "en") == "1 year 6 months"
    assert show_period("PT5M", "en") == "PT5M"
