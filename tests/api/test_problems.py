"""One table turns errors into problem documents (RFC 9457)."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from flask import Flask, Response
from psycopg_pool import PoolTimeout
from werkzeug.exceptions import ImATeapot, NotFound, TooManyRequests

from service import errors
from service.api import problems
from service.api.problems import PROBLEMS, register_problems
from service.errors import ConflictError, ForbiddenError, InputFault, InvalidInputError, NotFoundError

# Errors of the start and the command line: no request can meet them.
_NOT_OVER_HTTP = {errors.SamtyckeError, errors.KeyFileError, errors.ConfigError, errors.NoteError}


def answer(error: Exception) -> Response:
    """What a view that raises `error` answers."""
    app = Flask("problems")
    register_problems(app)

    @app.get("/")
    def view() -> str:
        raise error

    return app.test_client().get("/")


def test_every_error_of_the_domain_has_a_status_and_a_type() -> None:
    defined = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.SamtyckeError)
    }
    assert defined - set(PROBLEMS) == _NOT_OVER_HTTP
    slugs = [slug for _, slug in PROBLEMS.values()]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize("kind", PROBLEMS)
def test_an_error_becomes_the_problem_of_its_type(kind: type[errors.SamtyckeError]) -> None:
    error = kind([InputFault("/a", "is wrong")]) if kind is InvalidInputError else kind("why")
    found = answer(error)
    status, slug = PROBLEMS[kind]
    assert (found.status_code, found.content_type) == (status, "application/problem+json")
    body = json.loads(found.get_data())
    assert (body["type"], body["status"]) == (f"urn:samtycke:problem:{slug}", status)
    # The docstring of an error is its title.
    assert (kind.__doc__ or "").startswith(body["title"])
    assert ("Retry-After" in found.headers) == (status in {429, 503})
    assert ("WWW-Authenticate" in found.headers) == (status in {401, 403})


def test_a_missing_thing_says_no_more_than_that() -> None:
    """Whether it exists for somebody else, and what was asked for, is not the asker's to know."""
    body = json.loads(answer(NotFoundError("sub_of_somebody")).get_data())
    assert set(body) == {"type", "title", "status"}


def test_members_cannot_change_what_the_problem_is() -> None:
    error = ConflictError("why", status="given", type="access", title="x", subject="sub_1")
    body = json.loads(answer(error).get_data())
    assert (body["status"], body["type"]) == (409, "urn:samtycke:problem:conflict")
    assert body["detail"] == "why"
    assert {name: body[name] for name in body if name.startswith("stored_")} == {
        "stored_status": "given",
        "stored_type": "access",
        "stored_title": "x",
    }
    assert body["subject"] == "sub_1"


def test_a_part_of_an_error_is_treated_like_the_whole() -> None:
    class FineForbiddenError(ForbiddenError):
        """Not on a Sunday."""

    found = answer(FineForbiddenError())
    assert (found.status_code, json.loads(found.get_data())["title"]) == (403, "Not on a Sunday")


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (NotFound(), 404, "not-found"),
        (ImATeapot(), 418, "i'm-a-teapot"),
        (TooManyRequests(), 429, "too-many-requests"),
        (PoolTimeout("no connection"), 503, "unavailable"),
        (RecursionError("deep"), 400, "malformed-input"),
        (errors.KeyFileError("/secret/path"), 500, "internal"),
        (ZeroDivisionError("secret"), 500, "internal"),
    ],
)
def test_other_errors(error: Exception, status: int, slug: str) -> None:
    found = answer(error)
    body = json.loads(found.get_data())
    assert (found.status_code, body["type"]) == (status, f"urn:samtycke:problem:{slug}")
    assert "secret" not in found.get_data(as_text=True)


def test_a_fault_of_ours_says_nothing_of_itself() -> None:
    body: dict[str, Any] = json.loads(answer(ValueError("a name")).get_data())
    assert set(body) == {"type", "title", "status"}
    assert body["type"] == f"{problems.TYPE}internal"
