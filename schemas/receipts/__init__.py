"""Receipts as they cross a border: their JSON Schemas, and the query that asks for one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from schemas.base import Shape
from schemas.fields import Locale

RECEIPT = "iso-27560-receipt"
KANTARA = "kantara-1.1"


class ReceiptQuery(Shape):
    locale = Locale(metadata={"description": "Of the page. Default: Accept-Language, then the subject's own"})


@cache
def schema_of(name: str) -> dict[str, Any]:
    """The published schema, RECEIPT or KANTARA."""
    path = Path(__file__).with_name(f"{name}.schema.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def faults_of(document: Mapping[str, Any], name: str) -> list[str]:
    """What the schema finds wrong, each with its JSON pointer; nothing, if it is valid."""
    validator = Draft202012Validator(schema_of(name), format_checker=Draft202012Validator.FORMAT_CHECKER)
    found = sorted(validator.iter_errors(document), key=lambda error: error.json_path)
    return [f"/{'/'.join(map(str, error.absolute_path))}: {_short(error.message)}" for error in found]


def _short(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:200]} …"
