"""Every code, remedy, status and stage can be told in every language, and plainly."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import service.explanations
from service.explanations import LANGUAGES
from service.policy import CONSENT_STATUSES, REASON_CODES, REMEDIES, STAGES

FOLDER = Path(service.explanations.__file__).with_name("catalogues")
OTHERS = [language for language in LANGUAGES if language != "en"]
# consent_status answers these besides the statuses that are recorded.
COMPUTED = ("outdated", "not_explicit", "not_needed")
OUTCOMES = [
    *(f"allow.{rung}" for rung in ("respond", "curate", "coach", "automate", "essential")),
    *(f"downgrade.{rung}" for rung in ("curate", "coach")),
    *(f"defer.{rung}" for rung in ("curate", "coach", "automate")),
    "deny",
]
# Why a reorder waits (api.md, "Reorders").
HELD = (
    *("pharmacist_missing", "supply_limit", "notice_too_short", "notice_undelivered"),
    *("out_of_stock", "price_changed", "suppressed"),
)
NEEDED = [
    *(f"outcome.{name}" for name in OUTCOMES),
    *(f"reason.{code}" for code in REASON_CODES),
    *(f"remedy.{verb}" for verb in REMEDIES),
    *(f"status.{status}" for status in (*CONSENT_STATUSES, *COMPUTED)),
    *(f"stage.{stage}" for stage in STAGES),
    *(f"run_out.{name}" for name in ("sure", "fair", "guess", "past")),
    *(f"reorder.held.{reason}" for reason in HELD),
    "reorder.cancelled.pharmacist_rejected",
    "reorder.cancelled.waited_too_long",
    *(f"reorder.asked.{reason}" for reason in ("price_changed", "mandate", "other")),
]

LONGEST_TEXT = 120
LONGEST_SENTENCE_WORDS = 20
LONGEST_WORD = 22
# Words that press, blame, frighten or flatter have no place beside a choice (EDPB 03/2022).
PRESSING = {
    "en": "must should unfortunately sorry miss risk warning today hurry please fail wrong fault better",
    "sv": "måste borde tyvärr missar risk varning skynda vänligen fel skyll bättre",
    "fi": "täytyy pitäisi valitettavasti menetät riski varoitus kiirehdi virhe syyllinen parempi",
    "nb": "bør dessverre mister risiko advarsel skynd vennligst feil skyld bedre",
    "da": "burde desværre mister risiko advarsel skynd venligst fejl skyld bedre",
}
ENGLISH = frozenset(
    [
        *("the", "you", "your", "we", "our", "this", "that", "with", "have", "has", "not", "yes", "under"),
        *("for", "from", "data", "order", "orders", "message", "messages", "product", "privacy", "never"),
        *("and", "always", "before", "when", "like", "can"),
    ]
)


def catalogue(language: str) -> Catalog:
    with (FOLDER / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def sentences(language: str) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalogue(language) if message.id}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", re.sub(r"\{\w+\}", "", text).lower())


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_can_be_answered_has_a_sentence(language: str) -> None:
    told = sentences(language)
    assert [name for name in NEEDED if not told.get(name, "").strip()] == []
    assert set(told) == set(sentences("en")), "a sentence stands in some languages only"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_fuzzy_or_obsolete(language: str) -> None:
    found = catalogue(language)
    assert not found.obsolete
    assert [message.id for message in found if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", OTHERS)
def test_placeholders_agree(language: str) -> None:
    english, told = sentences("en"), sentences(language)
    differing = {name for name in english if placeholders(english[name]) != placeholders(told[name])}
    assert differing == set()


@pytest.mark.parametrize("language", OTHERS)
def test_no_english_is_left(language: str) -> None:
    english, told = sentences("en"), sentences(language)
    assert [name for name, text in told.items() if text == english[name]] == []
    # One shared word may be a word of both languages ("for", "under"); three are English.
    left = {name: found for name, text in told.items() if len(found := ENGLISH & set(words(text))) > 2}
    assert left == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_short_and_plain(language: str) -> None:
    for name, text in sentences(language).items():
        assert len(text) <= LONGEST_TEXT, f"{language} {name} has {len(text)} characters"
        for part in re.split(r"(?<=[.!?])\s+", text):
            assert len(words(part)) <= LONGEST_SENTENCE_WORDS, f"{language} {name}: {part}"
        assert max(map(len, words(text)), default=0) <= LONGEST_WORD, f"{language} {name}: a long word"
        assert ";" not in text or language == "en", f"{language} {name}: two sentences in one"


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_neither_press_nor_blame(language: str) -> None:
    pressing = set(PRESSING[language].split())
    told = {name: text for name, text in sentences(language).items() if not name.startswith("stage.")}
    assert {name: found for name, text in told.items() if (found := pressing & set(words(text)))} == {}
    assert [name for name, text in told.items() if "!" in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_end_as_sentences(language: str) -> None:
    told = {name: text for name, text in sentences(language).items() if name != "moment"}
    assert [name for name, text in told.items() if not text.endswith(".")] == []
    assert [name for name, text in told.items() if not (text[0].isupper() or text[0] in "“”«»")] == []
    assert [name for name, text in told.items() if "  " in text or text != text.strip()] == []


@pytest.mark.parametrize("verb", REMEDIES)
def test_remedies_leave_the_choice_to_the_customer(verb: str) -> None:
    opening = {
        "en": "If you like",
        "sv": "Om du vill",
        "fi": "Halutessasi",
        "nb": "Hvis du vil",
        "da": "Hvis du vil",
    }
    for language, words_ in opening.items():
        assert sentences(language)[f"remedy.{verb}"].startswith(words_)
