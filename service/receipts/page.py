"""The readable page of a receipt: one file that needs nobody else, on a screen or on paper."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from service.receipts.view import View

_FOLDER = Path(__file__).with_name("templates")


def receipt_page(view: View) -> str:
    return _template().render(view=view, style=_style(), word=view.word)


@cache
def content_policy() -> str:
    """The Content-Security-Policy of the page: its own style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("receipt.html")


@cache
def _style() -> str:
    return (_FOLDER / "receipt.css").read_text(encoding="utf-8")
