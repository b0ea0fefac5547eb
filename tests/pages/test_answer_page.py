"""The words and the looks of the page on which a prepared order is answered."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.explanations import LANGUAGES
from service.explanations.mandates import ORDER_BUTTONS
from service.pages.answer import CLOSED, DONE, GONE, OPEN, WRONG, answer_page
from service.use_cases.answer_by_link import ANSWERS
from tests.pages.test_unsubscribe_page import sentences
from tests.pages.test_withdrawal_page import Elements

REORDER: dict[str, Any] = {
    "name": "Cough <b>tablets</b>",
    "quantity": 2,
    "price_minor": 8900,
    "currency": "SEK",
    "state": "announced",
    "until": "2026-12-03T12:00:00Z",
    "run_out": {"words": "It probably runs out about 5 to 9 December. We are quite sure."},
}


def page(stage: str = OPEN, locale: str = "en", answers: tuple[str, ...] = tuple(ANSWERS)) -> str:
    return answer_page(stage, locale, reorder=REORDER, timezone="Europe/Stockholm", answers=answers)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.S))


def test_what_stands_before_the_button_is_what_the_law_asks_for() -> None:
    """Product, number and whole price (CRD Art. 8(2)); what is put in is text, and nothing else."""
    said = text_of(page())
    assert "Cough &lt;b&gt;tablets&lt;/b&gt;" in said
    assert "It costs 178.00 SEK in all." in said
    assert "We order it on 3 December 2026, unless you say no." in said
    assert REORDER["run_out"]["words"] in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_is_one_button_and_none_stands_out(language: str) -> None:
    html = page(locale=language)
    buttons = Elements(html).of("button")
    assert [button["value"] for button in buttons] == list(ANSWERS)
    assert {frozenset(button) for button in buttons} == {frozenset({"type", "name", "value"})}
    # The one that binds says so, in the words of the law and no others.
    assert f'value="approve">{ORDER_BUTTONS[language]}</button>' in html
    words = sentences(language)
    assert all(f">{words[f'answer.do.{name}']}</button>" in html for name in ANSWERS if name != "approve")
    assert f'<html lang="{language}">' in html
    assert Elements(html).of("script", "img", "link", "iframe", "input") == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("given", list(ANSWERS))
def test_what_became_of_it_is_said(language: str, given: str) -> None:
    html = answer_page(DONE, language, reorder=REORDER, given=given)
    assert Elements(html).of("button", "form") == []
    assert len(text_of(html)) > 40


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", [GONE, WRONG])
def test_of_an_order_that_is_not_there_nothing_is_told(language: str, stage: str) -> None:
    html = answer_page(stage, language)
    assert sentences(language)[f"answer.{stage}.lead"] in html
    assert Elements(html).of("button", "form") == []


def test_what_cannot_be_answered_any_more_says_so() -> None:
    html = page(CLOSED, answers=())
    assert "There is nothing to answer here" in html
    assert Elements(html).of("button") == []
