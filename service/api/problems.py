"""Problem details (RFC 9457): the one table that gives each error of the domain a status and a stable type.

A problem says what is wrong with a request and never repeats what was in it; an unexpected error says
nothing at all, and is logged by its type and place alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import psycopg
from flask import Flask, Response, g
from psycopg_pool import PoolTimeout
from werkzeug.exceptions import HTTPException

from service import errors
from service.logging import describe_error, get_logger
from service.policy import InputRefused, PolicyRefused

TYPE = "urn:samtycke:problem:"
MEDIA_TYPE = "application/problem+json"


class UnsupportedMediaTypeError(errors.SamtyckeError):
    """This media type is not read here."""


class NotAcceptableError(errors.SamtyckeError):
    """None of the media types asked for can be had."""


PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    errors.InvalidInputError: (422, "invalid-input"),
    errors.MalformedInputError: (400, "malformed-input"),
    errors.TooLargeError: (413, "too-large"),
    errors.UnauthenticatedError: (401, "unauthenticated"),
    errors.ForbiddenError: (403, "forbidden"),
    errors.NotFoundError: (404, "not-found"),
    errors.ConflictError: (409, "conflict"),
    errors.SubjectErasedError: (410, "subject-erased"),
    errors.PreconditionRequiredError: (428, "precondition-required"),
    errors.ConfirmationRequiredError: (428, "confirmation-required"),
    errors.StaleError: (412, "stale"),
    errors.IdempotencyMismatchError: (422, "idempotency-mismatch"),
    errors.TooManyRequestsError: (429, "too-many-requests"),
    errors.UnavailableError: (503, "unavailable"),
    errors.UnreadableError: (503, "unreadable"),
    errors.KeysUnavailableError: (503, "keys-unavailable"),
    errors.KeyExhaustedError: (503, "keys-exhausted"),
    errors.LedgerError: (503, "ledger-broken"),
    errors.PolicyMissingError: (503, "policy-missing"),
    UnsupportedMediaTypeError: (415, "unsupported-media-type"),
    NotAcceptableError: (406, "not-acceptable"),
}
# A missing row's error names only its kind, and a client who may not reach it learns no more than that.
_WITHOUT_DETAIL = (errors.NotFoundError, errors.SubjectErasedError)
_SECONDS_TO_RETRY = "2"
# The members that RFC 9457 gives a meaning.
_OWN = frozenset({"type", "title", "status", "detail", "instance"})

_HTTP: dict[int, tuple[str, str]] = {
    400: ("malformed-input", "The request cannot be read"),
    404: ("not-found", "There is no such thing here"),
    405: ("method-not-allowed", "This resource has no such method"),
    406: ("not-acceptable", "None of the media types asked for can be had"),
    413: ("too-large", "The input is too large"),
    415: ("unsupported-media-type", "This media type is not read here"),
}


def register_problems(app: Flask) -> None:
    app.register_error_handler(errors.SamtyckeError, _from_domain)
    app.register_error_handler(PolicyRefused, _from_refused)
    app.register_error_handler(InputRefused, _from_refused)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(RecursionError, _from_depth)
    app.register_error_handler(psycopg.OperationalError, _from_database)
    app.register_error_handler(PoolTimeout, _from_database)
    app.register_error_handler(psycopg.DataError, _from_value)
    app.register_error_handler(Exception, _from_surprise)


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str = "",
    *,
    headers: dict[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document; `more` are members of its own (RFC 9457, section 3.2)."""
    body: dict[str, Any] = {"type": TYPE + slug, "title": title, "status": status}
    if detail and detail != title:
        body["detail"] = detail
    request_id = g.get("request_id")
    if request_id:
        body["instance"] = f"urn:samtycke:request:{request_id}"
    # What the problem is can be told from `type`; its own members may not change that.
    body = {**(more or {}), **body}
    return Response(msgspec.json.encode(body), status, headers, content_type=MEDIA_TYPE)


def _from_domain(error: errors.SamtyckeError) -> Response:
    found = next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), None)
    if found is None:
        return _from_surprise(error)
    status, slug = found
    more: dict[str, Any] = {}
    detail = "" if isinstance(error, _WITHOUT_DETAIL) else error.detail
    if isinstance(error, errors.InvalidInputError):
        more["errors"] = show_faults((fault.pointer, fault.message) for fault in error.faults)
    elif isinstance(error, errors.ConfirmationRequiredError):
        more.update(error.members)
    elif isinstance(error, errors.ConflictError):
        # What is stored may have a status of its own; the problem's is the answer's.
        more.update(
            (f"stored_{name}" if name in _OWN else name, value) for name, value in error.members.items()
        )
    if status >= 500:
        get_logger().error("unavailable", kind=slug, **describe_error(error))
    return problem(status, slug, error.title, detail, headers=_headers(error, status), more=more)


def show_faults(faults: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"pointer": pointer, "detail": message} for pointer, message in faults]


def _headers(error: errors.SamtyckeError, status: int) -> dict[str, str]:
    if status == 401:
        # RFC 6750, section 3.1: no error code where no token was sent.
        reason = ', error="invalid_token"' if error.detail else ""
        return {"WWW-Authenticate": f'Bearer realm="samtycke"{reason}'}
    if status == 403:
        return {"WWW-Authenticate": 'Bearer realm="samtycke", error="insufficient_scope"'}
    if status in {429, 503}:
        return {"Retry-After": _SECONDS_TO_RETRY}
    return {}


def _from_refused(error: PolicyRefused | InputRefused) -> Response:
    status, slug = PROBLEMS[errors.InvalidInputError]
    faults = show_faults((fault.path, fault.message) for fault in error.faults)
    return problem(status, slug, "The input has faults", more={"errors": faults})


def _from_http(error: HTTPException) -> Any:
    code = error.code
    if code is None or code < 400:
        return error
    if code >= 500:
        return _from_surprise(error)
    slug, title = _HTTP.get(code, (error.name.lower().replace(" ", "-"), error.name))
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return problem(code, slug, title, headers=headers)


def _from_depth(_error: RecursionError) -> Response:
    return problem(400, "malformed-input", "The input cannot be read", "it is nested too deeply")


def _from_database(error: Exception) -> Response:
    get_logger().error("database unavailable", **describe_error(error))
    headers = {"Retry-After": _SECONDS_TO_RETRY}
    title = "A part that this answer needs is not available, so nothing is permitted"
    return problem(503, "unavailable", title, "the database cannot answer now", headers=headers)


def _from_value(error: Exception) -> Response:
    # The schemas should have refused it, so this is a fault of ours as well: hence the log line.
    get_logger().error("value refused by the database", **describe_error(error))
    return problem(422, "invalid-input", "The input has faults", "it holds a value that cannot be stored")


def _from_surprise(error: Exception) -> Response:
    get_logger().error("unexpected error", **describe_error(error))
    return problem(500, "internal", "Something went wrong here; the request changed nothing")
