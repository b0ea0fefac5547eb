"""Checks of what receipts are made from: the controller, terms of the Data Privacy Vocabulary, where data is
kept, and the version of a notice. The evaluator reads none of it but that version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from service.policy.reader import Reader

# Compact names in the vocabularies that a receipt's context declares.
TERM = re.compile(r"(?:dpv|pd|eu-gdpr|loc):[A-Za-z][A-Za-z0-9-]*")
# ISO 3166-1 alpha-2, or the Union and the Economic Area as such.
PLACE = re.compile(r"[A-Z]{2}|EEA")
_WEB = re.compile(r"https://[^\s<>\"{}|\\^`]+")

_CONTROLLER_TEXTS = ("name", "email", "phone", "type")
_CONTROLLER_URLS = ("url", "privacy_url")
_MOST_VERSION = 1_000_000
_Entry = Mapping[str, Any]


def check_controller(reader: Reader, value: object, path: str) -> None:
    """Who decides (Art. 13(1)(a)). Other members are free; the caller has looked at their shape."""
    if not isinstance(value, Mapping):
        return
    for key in _CONTROLLER_TEXTS:
        if value.get(key) is not None:
            reader.text(value[key], f"{path}/{key}")
    for key in _CONTROLLER_URLS:
        if value.get(key) is not None:
            reader.read(value[key], f"{path}/{key}", _read_web)
    if value.get("jurisdiction") is not None:
        reader.read(value["jurisdiction"], f"{path}/jurisdiction", _read_place)
    authority = value.get("authority")
    if isinstance(authority, Mapping) and authority.get("url") is not None:
        reader.read(authority["url"], f"{path}/authority/url", _read_web)


def check_terms(reader: Reader, entry: _Entry, path: str) -> None:
    """`dpv` and, on channels, `dpv_data`: what this is in the Data Privacy Vocabulary."""
    for key in ("dpv", "dpv_data"):
        for item, at in reader.items(entry.get(key), f"{path}/{key}"):
            reader.read(item, at, _read_term)


def check_storage(reader: Reader, value: object, path: str) -> None:
    """Where data is kept and worked on."""
    if value is None:
        return
    storage = reader.mapping(value, path, ("locations", "processing_locations"))
    for key in ("locations", "processing_locations"):
        for item, at in reader.items(storage.get(key), f"{path}/{key}"):
            reader.read(item, at, _read_place)


def check_notice(reader: Reader, value: object, path: str, accepted: object = None) -> None:
    """A notice's version and revision; `accepted` is the purpose's `min_notice_version`."""
    if not isinstance(value, Mapping):
        return
    if value.get("version") is not None:
        version = reader.integer(value["version"], f"{path}/version", 1, _MOST_VERSION)
        if isinstance(accepted, int) and accepted > version:
            reader.fault(f"{path}/version", f"nobody could consent: version {accepted} is asked for")
    if value.get("revision") is not None:
        reader.integer(value["revision"], f"{path}/revision", 0, _MOST_VERSION)


def _read_term(text: str) -> None:
    if TERM.fullmatch(text) is None:
        raise ValueError("must be a term such as dpv:DirectMarketing or pd:Purchase")


def _read_place(text: str) -> None:
    if PLACE.fullmatch(text) is None:
        raise ValueError("must be a country code of two letters, EU or EEA")


def _read_web(text: str) -> None:
    if _WEB.fullmatch(text) is None:
        raise ValueError("must be an https address")
