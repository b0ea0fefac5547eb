"""The sentences of each language: gettext catalogues, read from their sources at first use."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("sv", "fi", "nb", "da", "en")
FALLBACK = "en"

# Norwegian is written here in Bokmål, which readers of the sister form prefer to English.
_ALIASES = {"no": "nb", "nn": "nb"}
_FOLDER = Path(__file__).with_name("catalogues")


def language_of(locale: str) -> str:
    """The one of LANGUAGES in which to speak to somebody with this locale (`sv`, `sv-FI`, `no`): English
    for every other."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    language = _ALIASES.get(language, language)
    return language if language in LANGUAGES else FALLBACK


def sentence(locale: str, name: str, values: Mapping[str, object] | None = None) -> str:
    """The sentence of that name with its placeholders filled. KeyError: no such sentence or value."""
    text = _translations(language_of(locale)).gettext(name)
    if text == name:
        raise KeyError(name)
    return text.format_map(values or {})


def has_sentence(name: str) -> bool:
    """Whether there is a sentence of that name."""
    return _translations(FALLBACK).gettext(name) != name


@cache
def _translations(language: str) -> gettext.GNUTranslations:
    # Compiled in memory, so that a clone needs no build step and a catalogue can be corrected in place.
    with (_FOLDER / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
