"""The words before an order button belong to a version, which evidence names."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import service.explanations
from service.explanations import LANGUAGES
from service.explanations.mandates import ORDER_BUTTONS, WORDING, Terms, explain_terms
from service.policy import Policy

FOLDER = Path(service.explanations.__file__).with_name("catalogues")
# SHA-256 of the words of each version. Whoever changes a word adds a version, here and in WORDING.
WORDS = {1: "912b9dbe910a5bd9ba3ee558681d82972fc8034f293f17ae635e07956427158e"}


def words() -> str:
    lines = [f"{language} {text}" for language, text in sorted(ORDER_BUTTONS.items())]
    for language in sorted(LANGUAGES):
        with (FOLDER / f"{language}.po").open("rb") as source:
            lines += sorted(
                f"{language} {m.id} {m.string}"
                for m in read_po(source, locale=language)
                if str(m.id).startswith("mandate.")
            )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_other_words_are_another_version() -> None:
    assert WORDS[WORDING] == words()


@pytest.mark.parametrize(
    ("hours", "told"), [(72, "3 days"), (100, "100 hours"), (168, "7 days"), (24 * 30, "30 days")]
)
def test_the_length_of_notice_is_the_policys(policy: Policy, hours: int, told: str) -> None:
    terms = Terms(
        covers="*",
        currency="SEK",
        max_price_minor=100,
        max_quantity=None,
        max_spend_minor=None,
        spend_days=None,
        min_days_between=None,
        expires_at=None,
        notice=timedelta(hours=hours),
    )
    [notice] = [text for about, text in explain_terms(terms, policy, "en") if "ahead" in text]
    assert f"at least {told} ahead" in notice
