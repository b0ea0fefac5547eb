"""The interface describes itself: /openapi.json for programs, /docs for people, and no other machine."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.api.auth import roles_of
from tests.api.helpers import problem_of

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def test_every_route_is_described_with_its_roles(app: Flask, document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    described = operations(document)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("docs."):
            continue
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        roles = roles_of(app.view_functions[rule.endpoint])
        for method in (rule.methods or set()) - {"HEAD"}:
            operation = described.pop(f"{method} {path}")
            assert set(operation.get("x-roles", ())) == roles
            assert operation["security"] == ([{"bearer": []}] if roles else [])
    assert not described


def test_every_operation_can_be_named_and_says_what_it_does(document: dict[str, Any]) -> None:
    found = operations(document)
    names = [operation["operationId"] for operation in found.values()]
    assert len(names) == len(set(names))
    assert not [name for name, operation in found.items() if not operation.get("summary")]


def test_every_operation_says_what_a_problem_looks_like(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        default = operation["responses"]["default"]
        assert default == {"$ref": "#/components/responses/DEFAULT_ERROR"}, name
    content = document["components"]["responses"]["DEFAULT_ERROR"]["content"]
    assert set(content) == {"application/problem+json"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*(references(inner) for inner in part.values()))
        if isinstance(part, list):
            return set().union(*(references(inner) for inner in part))
        return set()

    found = references(document)
    assert found
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_no_object_lets_unknown_fields_in_unsaid(document: dict[str, Any]) -> None:
    bodies = [
        media["schema"]["$ref"].rsplit("/", 1)[1]
        for operation in operations(document).values()
        for media in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in media["schema"]
    ]
    shapes = document["components"]["schemas"]
    assert bodies
    assert not [name for name in bodies if shapes[name].get("additionalProperties") is not False]


def test_the_pages_need_no_other_machine(client: FlaskClient) -> None:
    page = client.get("/docs")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert "//" not in text.replace("<!doctype html>", "")
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(sources) == 4
    for source in sources:
        part = client.get(source)
        assert part.status_code == 200, source
        assert part.headers["X-Content-Type-Options"] == "nosniff"
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "<script>" not in text


def test_a_reader_who_has_the_page_gets_none(client: FlaskClient) -> None:
    tag = client.get("/docs/swagger-ui-bundle.js").headers["ETag"]
    again = client.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": tag})
    assert (again.status_code, again.get_data()) == (304, b"")


@pytest.mark.parametrize(
    "name", ["../app.py", "..%2Fapp.py", "%2e%2e%2fapp.py", "static/start.js", "index.css", "LICENSE"]
)
def test_only_the_listed_files_are_served(client: FlaskClient, name: str) -> None:
    problem_of(client.get(f"/docs/{name}"), 404, "not-found")
