"""What things are called: the titles that the policy gives its purposes, categories, channels and levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.explanations.catalogue import FALLBACK, language_of
from service.policy import Policy


def title_of(policy: Policy, kind: str, name: str, locale: str) -> str:
    """The title of one entry of the policy; `kind` is the document's key, as `purposes` or `levels`.

    Without one in the reader's language the English title serves, and without any the name itself, in words.
    """
    return title_in(policy.document, kind, name, locale)


def title_in(document: Mapping[str, Any], kind: str, name: str, locale: str) -> str:
    """The same for a policy document as it was published."""
    texts = _entry(document, kind, name).get("texts")
    if isinstance(texts, Mapping):
        for language in (language_of(locale), FALLBACK):
            title = _title(texts.get(language))
            if title:
                return title
    return _in_words(name)


def summary_of(policy: Policy, kind: str, name: str, locale: str) -> str:
    """What the policy says of one entry in a sentence; its title where it says no more."""
    texts = _entry(policy.document, kind, name).get("texts")
    if isinstance(texts, Mapping):
        for language in (language_of(locale), FALLBACK):
            found = texts.get(language)
            if isinstance(found, Mapping) and isinstance(found.get("summary"), str):
                return str(found["summary"])
    return title_of(policy, kind, name, locale)


def category_title(policy: Policy, path: str, locale: str) -> str:
    """The title of the deepest category on the path that has a name of its own."""
    parts = path.split(".")
    for depth in range(len(parts), 0, -1):
        prefix = ".".join(parts[:depth])
        if prefix in policy.categories:
            return title_of(policy, "categories", prefix, locale)
    return _in_words(parts[-1])


def _entry(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    entries = document.get(kind)
    entry = entries.get(name) if isinstance(entries, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def _title(texts: object) -> str | None:
    """A locale's texts are one text, which is the title, or several by name."""
    found = texts.get("title") if isinstance(texts, Mapping) else texts
    return found if isinstance(found, str) else None


def _in_words(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")
