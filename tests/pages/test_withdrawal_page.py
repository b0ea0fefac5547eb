"""The words and the looks of the page that withdraws from a contract, and what it asks for."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

import service.pages
from service.explanations import LANGUAGES
from service.pages.withdrawal import ASK, CONFIRMED, GONE, REFUSED, WRONG, Contract, Form, withdrawal_page
from tests.pages.test_unsubscribe_page import luminance, sentences

STYLE = "".join(
    (Path(service.pages.__file__).parent / "templates" / name).read_text()
    for name in ("page.css", "form.css")
)
NUMBER = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"
CONTRACT = Contract(
    reorder=NUMBER,
    ordered_at=datetime(2026, 11, 2, 9, tzinfo=UTC),
    timezone="Europe/Stockholm",
    rule="full",
    is_sent=True,
    last_moment=datetime(2026, 11, 17, 22, 59, 59, tzinfo=UTC),
)
# What CRD 11a(2) lets a trader ask for, and the button.
ALLOWED = {"name", "contract", "contact", "confirm"}


class Elements(HTMLParser):
    """Every start tag with its attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_labels_of_the_law(language: str) -> None:
    """Nobody has to guess what the page and its one button do (CRD 11a(1), (3))."""
    words = sentences(language)
    page = withdrawal_page(ASK, language, CONTRACT, Form())
    assert f"<h1>{words['withdrawal.ask.lead']}</h1>" in page
    assert f">{words['withdrawal.ask.button']}</button>" in page
    assert page.count("<button") == 1
    assert f'<html lang="{language}">' in page
    # The link in the letter says the same as the page.
    letters = Path(service.pages.__file__).parents[1] / "senders" / "catalogues" / f"{language}.po"
    assert f'msgid "withdraw"\nmsgstr "{words["withdrawal.ask.lead"]}"' in letters.read_text()


def test_the_english_labels_are_the_directives_own() -> None:
    words = sentences("en")
    assert words["withdrawal.ask.lead"].lower() == "withdraw from contract here"
    assert words["withdrawal.ask.button"].lower() == "confirm withdrawal"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_asks_for_nothing_but_what_is_allowed(language: str) -> None:
    page = Elements(withdrawal_page(ASK, language, CONTRACT, Form()))
    fields = page.of("input", "button", "select", "textarea")
    assert {field["name"] for field in fields} == ALLOWED
    assert page.of("script", "img", "link", "iframe") == []
    assert all("checked" not in field for field in fields)


def test_every_field_has_a_label_a_hint_and_a_purpose() -> None:
    """WCAG 1.3.1, 1.3.5, 3.3.2, 4.1.2."""
    page = Elements(withdrawal_page(ASK, "en", CONTRACT, Form()))
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = [label["for"] for label in page.of("label")]
    inputs = page.of("input")
    # In the order in which a keyboard reaches them.
    assert [field["id"] for field in inputs] == labelled == ["name", "contract", "contact"]
    assert [field.get("autocomplete") for field in inputs] == ["name", None, "email"]
    for field in inputs:
        described = (field.get("aria-describedby") or "").split()
        assert set(described) <= set(ids)
    assert "tabindex" not in str(page.found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_faults_are_named_beside_the_field_and_at_the_top(language: str) -> None:
    """WCAG 3.3.1, 3.3.3, 4.1.3; what was typed is not typed again (3.3.7)."""
    words = sentences(language)
    form = Form({"name": 'Å "<b>', "contact": "nobody"}, ("contact",))
    page = withdrawal_page(ASK, language, CONTRACT, form)
    assert f"<title>{words['withdrawal.fault.title']}" in page
    assert page.count(words["withdrawal.fault.contact"]) == 2
    assert words["withdrawal.fault.name"] not in page
    found = Elements(page)
    name, _, contact = found.of("input")
    assert (name["value"], contact["value"]) == ('Å "<b>', "nobody")
    assert contact["aria-invalid"] == "true"
    assert (contact["aria-describedby"] or "").split() == ["contact-fault", "contact-hint"]
    assert "aria-invalid" not in name
    assert "<b>" not in page
    [summary] = found.of("section")
    assert summary["role"] == "alert"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_beforehand(language: str) -> None:
    words = sentences(language)
    plain = withdrawal_page(ASK, language, CONTRACT, Form())
    sealed = withdrawal_page(ASK, language, replace(CONTRACT, rule="sealed_only"), Form())
    assert words["withdrawal.ask.sealed"] not in plain
    assert words["withdrawal.ask.sealed"] in sealed
    before = withdrawal_page(ASK, language, replace(CONTRACT, last_moment=None), Form())
    assert words["withdrawal.ask.before"] in before


def test_the_last_day_is_the_customers() -> None:
    assert "until the end of 17 November 2026" in withdrawal_page(ASK, "en", CONTRACT, Form())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", ["not_ordered", "too_late", "excluded"])
def test_a_refusal_says_why_and_has_no_form(reason: str, language: str) -> None:
    page = withdrawal_page(REFUSED, language, replace(CONTRACT, reason=reason))
    assert sentences(language)[f"withdrawal.refused.{reason}"].partition("{")[0] in page
    assert "<form" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_done_says_when_and_what_is_next(language: str) -> None:
    words = sentences(language)
    done = replace(CONTRACT, withdrawn_at=datetime(2026, 11, 5, 13, 7, tzinfo=UTC))
    page = withdrawal_page(CONFIRMED, language, done)
    assert NUMBER in page
    assert re.search(r"14[:.]07", page)
    assert words["withdrawal.next.return"] in page
    assert words["withdrawal.next.cancelled"] in withdrawal_page(
        CONFIRMED, language, replace(done, is_sent=False)
    )
    for stage in (GONE, WRONG):
        assert words[f"withdrawal.{stage}.what"] in withdrawal_page(stage, language)


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_and_borders_stand_out() -> None:
    """WCAG 1.4.3 and 1.4.11, on the page's own ground where a rule sets none, and 2.5.8."""
    ground, field = "#f5f4f0", "#ffffff"
    for background, text in re.findall(r"background: (#[0-9a-f]{3,6}); color: (#[0-9a-f]{3,6})", STYLE):
        assert contrast(background, text) >= 4.5
    for text in re.findall(r"[;{] color: (#[0-9a-f]{6})", (STYLE.partition("form { margin")[2])):
        assert contrast(ground, text) >= 4.5, text
        assert contrast(field, text) >= 4.5 or text == "#ffffff", text
    for border in re.findall(r"(?:border|outline|border-left): [\d.a-z]+ solid (#[0-9a-f]{6})", STYLE):
        assert contrast(field, border) >= 3, border
        assert contrast(ground, border) >= 3, border
    heights = [float(each) * 16 for each in re.findall(r"min-height: ([\d.]+)rem", STYLE)]
    assert len(heights) == 2
    assert min(heights) >= 24
