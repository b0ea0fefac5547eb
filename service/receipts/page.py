"""The readable page of a receipt: one file that needs nobody else, on a screen or on paper."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Template

from service.receipts.view import View
from service.templates import load_template, source_of

_FOLDER = Path(__file__).with_name("templates")


def receipt_page(view: View) -> str:
    return _template().render(view=view, style=_style(), word=view.word)


@cache
def content_policy() -> str:
    """The Content-Security-Policy of the page: its own style and nothing else."""
    return f"default-src 'none'; style-src {source_of(_style())}; frame-ancestors 'none'; base-uri 'none'"


@cache
def _template() -> Template:
    return load_template(_FOLDER, "receipt.html")


@cache
def _style() -> str:
    return (_FOLDER / "receipt.css").read_text(encoding="utf-8")
