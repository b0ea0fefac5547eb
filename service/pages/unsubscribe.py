"""The page behind an unsubscribe link: one button, and what it did. It says nothing about anybody."""

from __future__ import annotations

from service.pages.page import WORDS, Page

ASK, DONE, WRONG = "ask", "done", "wrong"

PAGE = Page("unsubscribe.html")
_LINES = {ASK: ("what", "still"), DONE: ("what", "change"), WRONG: ("what",)}


def unsubscribe_page(stage: str, locale: str) -> str:
    """`stage` is ASK, DONE or WRONG."""
    return PAGE.render(
        locale,
        lead=WORDS.sentence(locale, f"{stage}.lead"),
        lines=[WORDS.sentence(locale, f"{stage}.{line}") for line in _LINES[stage]],
        button=WORDS.sentence(locale, "ask.button") if stage == ASK else None,
    )
