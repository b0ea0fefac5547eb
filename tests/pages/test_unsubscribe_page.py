"""The words and the looks of the page behind an unsubscribe link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import service.pages
from service.explanations import LANGUAGES
from service.pages.unsubscribe import ASK, DONE, WRONG, unsubscribe_page

FOLDER = Path(service.pages.__file__).parent
STYLE = (FOLDER / "templates" / "page.css").read_text()
# Words that press or blame have no place beside a way out (EDPB 03/2022).
PRESSING = re.compile(
    r"\b(sorry|sure|miss|tyvärr|säker|valitettavasti|dessverre|desværre|sikker)\b", re.IGNORECASE
)


def sentences(language: str) -> dict[str, str]:
    with (FOLDER / "catalogues" / f"{language}.po").open("rb") as found:
        catalogue = read_po(found, locale=language, abort_invalid=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_whole_and_plain(language: str) -> None:
    english, told = sentences("en"), sentences(language)
    assert set(told) == set(english)
    for name, text in told.items():
        assert text.strip() == text != ""
        assert language == "en" or text != english[name], name
        assert "!" not in text
        assert not PRESSING.search(text), name
        assert len(text) <= 120


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", [ASK, DONE, WRONG])
def test_only_the_question_has_a_button(stage: str, language: str) -> None:
    page = unsubscribe_page(stage, language)
    assert page.count("<button") == (1 if stage == ASK else 0)
    assert f'<html lang="{language}">' in page
    assert sentences(language)[f"{stage}.lead"] in page


def luminance(colour: str) -> float:
    if len(colour) == 4:
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_and_the_button_is_large_enough() -> None:
    """WCAG 1.4.3 and 2.5.8, for each rule that sets both colours."""
    pairs = re.findall(r"background: (#[0-9a-f]{3,6}); color: (#[0-9a-f]{3,6})", STYLE)
    assert len(pairs) == 2
    for ground, text in pairs:
        low, high = sorted((luminance(ground), luminance(text)))
        assert (high + 0.05) / (low + 0.05) >= 4.5
    height = re.search(r"button \{ min-height: ([\d.]+)rem", STYLE)
    assert height is not None
    assert float(height[1]) * 16 >= 24
