"""What the pages that anybody may open have in common: words, looks, and what a browser may do with them.
They work without scripts and ask no other server for anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from service.explanations.catalogue import Catalogue, language_of
from service.templates import load_template, source_of

_FOLDER = Path(__file__).parent / "templates"
WORDS = Catalogue(Path(__file__).parent / "catalogues")


@dataclass(frozen=True, slots=True)
class Page:
    """`template` extends page.html; `styles` are put into it beside page.css."""

    template: str
    styles: tuple[str, ...] = ()

    def render(self, locale: str, **values: Any) -> str:
        return _template(self.template).render(lang=language_of(locale), style=_style(self.styles), **values)

    @property
    def content_policy(self) -> str:
        """Its Content-Security-Policy: its own style, and its form back to where it came from."""
        return (
            f"default-src 'none'; style-src {source_of(_style(self.styles))}; form-action 'self';"
            " frame-ancestors 'none'; base-uri 'none'"
        )


@cache
def _template(name: str) -> Template:
    return load_template(_FOLDER, name)


@cache
def _style(names: tuple[str, ...]) -> str:
    return "".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", *names))
