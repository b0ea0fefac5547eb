"""Idempotency-Key: the same key and the same request get the first answer again, for 24 hours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from flask import Response, request

from service.api.openapi import json_response
from service.errors import MalformedInputError
from service.storage import idempotency as store
from service.storage.idempotency import Answer
from service.storage.unit import Unit

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
DESCRIPTION = (
    "Optional: the same key and body get the first answer again, for 24 hours; another body is a 422"
)
_LONGEST = 255

# Status, body, and the subject whom the answer concerns, if any.
Made = tuple[int, Any, UUID | None]


def idempotent(
    unit: Unit,
    make: Callable[[], Made],
    *,
    digest: bytes | None = None,
    headers: Callable[[Any], dict[str, str]] | None = None,
) -> Response:
    """The answer that `make` gives, or the one it gave before under the request's key.

    Call it inside the unit and let `make` do everything that changes something: the answer is kept in the
    same transaction, sealed under the data key of the subject that `make` names. `digest` stands for the
    body of a request that streams it. `headers` are made from the body. Answers of 400 and above, like
    errors, are not kept. Raises IdempotencyMismatchError.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return _respond(_answer(make(), headers)[0])
    if not 0 < len(key) <= _LONGEST or not key.isascii() or not key.isprintable():
        raise MalformedInputError(f"{HEADER} must have 1 to {_LONGEST} printable ASCII characters")
    claim = store.claim_of(unit, key, _request_digest(unit, digest))
    before = store.claim(unit, claim)
    if before is not None:
        response = _respond(before)
        response.headers[REPLAYED] = "true"
        return response
    answer, subject = _answer(make(), headers)
    if answer.status < 400:
        store.keep(unit, claim, answer, subject)
    else:
        store.release(unit, claim)
    return _respond(answer)


def _answer(made: Made, headers: Callable[[Any], dict[str, str]] | None) -> tuple[Answer, UUID | None]:
    status, body, subject = made
    more = {} if headers is None else headers(body)
    return Answer(status, json_response(body).get_data(), more), subject


def _respond(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, content_type="application/json")


def _request_digest(unit: Unit, digest: bytes | None) -> bytes:
    """What makes two requests the same: method, path and query, the customer who asks, and the body."""
    asker = [request.method, request.full_path, unit.actor.sub, str(unit.actor.subject)]
    if digest is None:
        digest = hashlib.sha256(request.get_data()).digest()
    return hashlib.sha256(msgspec.json.encode([*asker, digest])).digest()
