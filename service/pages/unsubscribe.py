"""The page behind an unsubscribe link: one button, and what it did. It says nothing about anybody."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Template

from service.explanations.catalogue import Catalogue, language_of
from service.templates import load_template, source_of

ASK, DONE, WRONG = "ask", "done", "wrong"

_HERE = Path(__file__).parent
_WORDS = Catalogue(_HERE / "catalogues")
_LINES = {ASK: ("what", "still"), DONE: ("what", "change"), WRONG: ("what",)}


def unsubscribe_page(stage: str, locale: str) -> str:
    """`stage` is ASK, DONE or WRONG."""
    return _template().render(
        lang=language_of(locale),
        lead=_WORDS.sentence(locale, f"{stage}.lead"),
        lines=[_WORDS.sentence(locale, f"{stage}.{line}") for line in _LINES[stage]],
        button=_WORDS.sentence(locale, "ask.button") if stage == ASK else None,
        style=_style(),
    )


@cache
def content_policy() -> str:
    """The page's Content-Security-Policy: its own style, and its form back to where it came from."""
    return (
        f"default-src 'none'; style-src {source_of(_style())}; form-action 'self'; frame-ancestors 'none';"
        " base-uri 'none'"
    )


@cache
def _template() -> Template:
    return load_template(_HERE / "templates", "unsubscribe.html")


@cache
def _style() -> str:
    return (_HERE / "templates" / "page.css").read_text(encoding="utf-8")
