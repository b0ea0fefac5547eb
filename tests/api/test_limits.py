"""A body is read whole or refused: none is cut off at a limit, or taken for whole when a connection broke."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.helpers import Tokens, problem_of

LIMIT = 4096
PAIR = b'{"subject":"sub_n4xsw7r2j5hwzgsrbvvdyhs3o4","candidate":{"id":"c"}}\n'


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"SAMTYCKE_MAX_BODY_BYTES": str(LIMIT), "SAMTYCKE_MAX_BULK_BYTES": str(2 * LIMIT)}


class Slow(io.BytesIO):
    """A connection that gives a few bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 700) if size is not None and size >= 0 else 700)


def chunked(body: bytes, kind: type[io.BytesIO]) -> dict[str, Any]:
    """What a server passes on that has taken the chunks apart (granian does)."""
    return {
        "input_stream": kind(body),
        "environ_overrides": {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    }


@pytest.mark.parametrize("kind", [io.BytesIO, Slow])
def test_a_chunked_body_is_not_cut_off(client: FlaskClient, token: Tokens, kind: type[io.BytesIO]) -> None:
    # Valid up to the limit: cut off there, it would have been accepted.
    body = b'{"type":"email","value":"a@b.se"}'.ljust(LIMIT) + b"x"
    answer = client.post(
        "/v1/subjects/lookup",
        headers=token("shop"),
        content_type="application/json",
        **chunked(body, kind),
    )
    problem_of(answer, 413, "too-large")


@pytest.mark.parametrize("kind", [io.BytesIO, Slow])
def test_a_chunked_body_of_the_largest_size_is_read(
    client: FlaskClient, token: Tokens, kind: type[io.BytesIO]
) -> None:
    body = b'{"type":"email","value":"a@b.se"}'.ljust(LIMIT)
    answer = client.post(
        "/v1/subjects/lookup",
        headers=token("shop"),
        content_type="application/json",
        **chunked(body, kind),
    )
    problem_of(answer, 404, "not-found")


def test_a_bulk_body_has_a_limit_of_its_own(client: FlaskClient, token: Tokens) -> None:
    lines = PAIR * (2 * LIMIT // len(PAIR) + 1)
    for more in ({"data": lines}, chunked(lines, io.BytesIO)):
        answer = client.post(
            "/v1/candidates", headers=token("shop"), content_type="application/x-ndjson", **more
        )
        problem_of(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/v1/subjects/lookup", "application/json", b'{"type":"email","value":"a@b.se"}'),
        # Without the check every line that came would have been a job, and the rest forgotten.
        ("/v1/candidates", "application/x-ndjson", PAIR * 3),
    ],
)
def test_the_end_of_a_connection_is_not_the_end_of_a_body(
    client: FlaskClient, token: Tokens, path: str, media_type: str, body: bytes
) -> None:
    answer = client.post(
        path,
        headers=token("shop"),
        content_type=media_type,
        input_stream=io.BytesIO(body),
        environ_overrides={"CONTENT_LENGTH": str(len(body) + 10)},
    )
    problem_of(answer, 400, "malformed-input")


def test_a_body_that_does_not_say_where_it_ends_is_not_waited_for(client: FlaskClient, token: Tokens) -> None:
    answer = client.post(
        "/v1/subjects/lookup",
        headers=token("shop"),
        content_type="application/json",
        input_stream=io.BytesIO(b"{}"),
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": False},
    )
    problem_of(answer, 400, "malformed-input")


def test_bytes_after_the_body_belong_to_the_next_request(client: FlaskClient, token: Tokens) -> None:
    stream = io.BytesIO(b'{"type":"email","value":"a@b.se"}GET / HTTP/1.1')
    answer = client.post(
        "/v1/subjects/lookup",
        headers=token("shop"),
        content_type="application/json",
        input_stream=stream,
        environ_overrides={"CONTENT_LENGTH": "33"},
    )
    problem_of(answer, 404, "not-found")
    assert stream.read() == b"GET / HTTP/1.1"
