"""Checks of what a policy carries along for people and other parts of the service, not for the evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.policy.check_entries import Names, check_duration
from service.policy.check_receipts import check_controller, check_notice, check_storage, check_terms
from service.policy.levels import LEVEL_NAMES, LEVELS, Level
from service.policy.reader import Reader

LOCALES = ("sv", "fi", "nb", "da", "en")
# The service's own records that a policy may give a period: see `service.policy.retention`.
RECORDS = (
    *("access_log", "changes_told", "consent_proof", "decisions", "inbox", "jobs"),
    *("old_states", "pilots", "reorders", "request_details", "reviews", "withdrawals"),
)
DOCUMENT_EXTRAS = (
    *("version", "name", "controller", "skew_seconds", "notices", "levels"),
    *("texts", "recipients", "retention", "storage"),
)

_LONGEST_TEXT = 20_000
_DEEPEST = 8
_MOST_SKEW = 86_400
_Entry = Mapping[str, Any]


def check_extras(reader: Reader, entry: _Entry, path: str) -> None:
    """The extras of one entry of any kind; those that it may not have are unknown keys already."""
    check_texts(reader, entry.get("texts"), f"{path}/texts")
    _recipients(reader, entry.get("recipients"), f"{path}/recipients")
    _retention(reader, entry.get("retention"), f"{path}/retention")
    check_storage(reader, entry.get("storage"), f"{path}/storage")
    check_terms(reader, entry, path)
    if entry.get("notice") is not None:
        notice = reader.mapping(entry["notice"], f"{path}/notice", ("version", "revision"))
        check_notice(reader, notice, f"{path}/notice", entry.get("min_notice_version"))
    for key in ("special", "prescription"):
        if entry.get(key) is not None:
            reader.flag(entry[key], f"{path}/{key}")
    if entry.get("assessment") is not None:
        reader.text(entry["assessment"], f"{path}/assessment")
    elif entry.get("special") is True:
        # Art. 35(3)(b): special categories on a large scale need an impact assessment.
        reader.fault(f"{path}/assessment", "a special purpose needs the id of its impact assessment")
    if entry.get("review") is not None:
        reader.one_of(entry["review"], f"{path}/review", ("pharmacist",), "review")
    for key in ("limit_per_order", "limit_per_month"):
        if entry.get(key) is not None:
            reader.integer(entry[key], f"{path}/{key}", 1)


def check_document_extras(reader: Reader, names: Names, document: _Entry) -> None:
    """The extras of the whole document."""
    check_extras(reader, document, "")
    _records(reader, document.get("retention"))
    version = document.get("version")
    if isinstance(version, str):
        reader.text(version, "/version")
    elif version is not None:
        reader.integer(version, "/version")
    if document.get("name") is not None:
        reader.text(document["name"], "/name")
    if document.get("skew_seconds") is not None:
        reader.integer(document["skew_seconds"], "/skew_seconds", 0, _MOST_SKEW)
    for _, value, path in reader.entries(document.get("controller"), "/controller"):
        _free(reader, value, path)
    check_controller(reader, document.get("controller"), "/controller")
    for name, value, path in reader.entries(document.get("notices"), "/notices"):
        # A channel that needs an opt-in is consented to under a notice too.
        reader.one_of(name, path, (*names.purposes, *names.channels), "purpose or channel")
        _free(reader, value, path)
        accepted = names.purposes.get(name, {}).get("min_notice_version")
        check_notice(reader, value, path, accepted)
    for level, value, path in reader.entries(document.get("levels"), "/levels"):
        reader.one_of(level, path, LEVELS, "level")
        entry = reader.mapping({} if value is None else value, path, ("texts", "confirm"))
        check_texts(reader, entry.get("texts"), f"{path}/texts")
        if entry.get("confirm") is not None:
            reader.flag(entry["confirm"], f"{path}/confirm")
            # On every other rung the customer has the last word each time, so nothing is asked twice.
            if level != LEVEL_NAMES[Level.automate]:
                reader.fault(f"{path}/confirm", "only automate is asked about once more")


def check_texts(reader: Reader, value: object, path: str) -> None:
    """Texts by locale, each one text or several by name."""
    for locale, texts, at in reader.entries(value, path):
        reader.one_of(locale, at, LOCALES, "locale")
        if isinstance(texts, Mapping):
            for _, text, text_at in reader.entries(texts, at):
                reader.text(text, text_at, _LONGEST_TEXT)
        else:
            reader.text(texts, at, _LONGEST_TEXT)


def _recipients(reader: Reader, value: object, path: str) -> None:
    """Names of recipients (Art. 15(1)(c)), or objects that describe them."""
    for item, at in reader.items(value, path):
        if isinstance(item, Mapping):
            _free(reader, item, at)
        else:
            reader.text(item, at)


def _retention(reader: Reader, value: object, path: str) -> None:
    """How long data is kept: a duration, or an object whose `period` is one, with the criteria in words."""
    if isinstance(value, Mapping):
        _free(reader, value, path)
        if value.get("period") is not None:
            check_duration(reader, value["period"], f"{path}/period")
    elif value is not None:
        check_duration(reader, value, path)


def _records(reader: Reader, retention: object) -> None:
    """How long the service keeps records of its own."""
    if isinstance(retention, Mapping):
        for name, value, path in reader.entries(retention.get("records"), "/retention/records"):
            reader.one_of(name, path, RECORDS, "record")
            check_duration(reader, value, path)


def _free(reader: Reader, value: object, path: str, depth: int = 0) -> None:
    """JSON of any shape, but not endlessly deep, and with `texts` by locale wherever they stand."""
    if depth > _DEEPEST:
        reader.fault(path, "lies too deep")
    elif isinstance(value, Mapping):
        for key, item, at in reader.entries(value, path):
            if key == "texts":
                check_texts(reader, item, at)
            else:
                _free(reader, item, at, depth + 1)
    elif isinstance(value, list | tuple):
        for item, at in reader.items(value, path):
            _free(reader, item, at, depth + 1)
    elif isinstance(value, str):
        if value:
            reader.text(value, path, _LONGEST_TEXT)
    elif value is not None and not isinstance(value, bool | int | float):
        reader.wrong(path, "JSON", value)
