"""The sentences of each language: gettext catalogues, read from their sources at first use."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("sv", "fi", "nb", "da", "en")
FALLBACK = "en"

# Norwegian is written here in Bokmål, which readers of the sister form prefer to English.
_ALIASES = {"no": "nb", "nn": "nb"}


def language_of(locale: str) -> str:
    """The one of LANGUAGES in which to speak to somebody with this locale (`sv`, `sv-FI`, `no`): English
    for every other."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    language = _ALIASES.get(language, language)
    return language if language in LANGUAGES else FALLBACK


class Catalogue:
    """The sentences in one folder, a `.po` for each of LANGUAGES."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, gettext.GNUTranslations] = {}

    def sentence(self, locale: str, name: str, values: Mapping[str, object] | None = None) -> str:
        """The sentence of that name with its placeholders filled. KeyError: no such sentence or value."""
        text = self._translations(language_of(locale)).gettext(name)
        if text == name:
            raise KeyError(name)
        return text.format_map(values or {})

    def has_sentence(self, name: str) -> bool:
        """Whether there is a sentence of that name."""
        return self._translations(FALLBACK).gettext(name) != name

    def _translations(self, language: str) -> gettext.GNUTranslations:
        # Compiled in memory, so that a clone needs no build step and a catalogue can be corrected in place.
        found = self._loaded.get(language)
        if found is None:
            with (self._folder / f"{language}.po").open("rb") as source:
                catalogue = read_po(source, locale=language)
            compiled = BytesIO()
            write_mo(compiled, catalogue)
            compiled.seek(0)
            found = self._loaded[language] = gettext.GNUTranslations(compiled)
        return found


_OWN = Catalogue(Path(__file__).with_name("catalogues"))
sentence = _OWN.sentence
has_sentence = _OWN.has_sentence
