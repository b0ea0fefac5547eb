"""/docs works without any other machine, and its page may run nobody else's scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.api.helpers import installed, problem_of
from tests.servers import Servers


@pytest.fixture(scope="module")
def client(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found.client


def loaded(page: str) -> list[str]:
    return re.findall(r"""(?:src|href)=["']([^"']+)["']""", page)


def test_everything_that_the_page_loads_comes_from_here(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.content_type == "text/html; charset=utf-8"
    addresses = loaded(page.get_data(as_text=True))
    assert len(addresses) == 4
    for address in addresses:
        assert address.startswith("/docs/")
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Content-Type"].partition(";")[0] in {
            *("text/css", "text/javascript", "image/png"),
        }
        # Styles may import and load as well.
        if address.endswith(".css"):
            text = answer.get_data(as_text=True)
            assert "@import" not in text
            assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//", text)
    start = client.get("/docs/start.js").get_data(as_text=True)
    assert "http" not in start
    assert '"/openapi.json"' in start
    # Swagger UI would otherwise send the document to a validator on the internet.
    assert "validatorUrl: null" in start


def test_the_page_may_call_nobody_else(client: FlaskClient) -> None:
    """By its policy: a browser refuses what a later version of the library might try."""
    policy = dict(
        part.strip().split(" ", 1)
        for part in client.get("/docs").headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]
    assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert not any("http" in value or "*" in value for value in policy.values())


def test_the_page_holds_no_script_of_its_own(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    assert not re.findall(r"<script(?![^>]*\ssrc=)", page)
    assert not re.findall(r"\son\w+=", page)


def test_files_are_kept_but_asked_about_again(client: FlaskClient) -> None:
    for path in ("/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js"):
        first = client.get(path)
        assert first.headers["Cache-Control"] == "no-cache"
        assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_nothing_else_is_served(client: FlaskClient) -> None:
    for name in ("index.html", "oauth2-redirect.html", "../../app.py", "..%2fapp.py", "nothing"):
        problem_of(client.get(f"/docs/{name}"), 404, "not-found")
