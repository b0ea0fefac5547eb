"""/openapi.json: valid OpenAPI 3.1, complete, and true to what the service answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from schemathesis.specs.openapi import definitions

from service.actor import ROLES
from tests.api.helpers import Installation, installed
from tests.guards.calls import CALLS, World
from tests.guards.test_roles import PUBLIC, TABLE
from tests.servers import Servers


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


@pytest.fixture(scope="module")
def document(there: Installation) -> dict[str, Any]:
    answer = there.client.get("/openapi.json")
    assert answer.content_type == "application/json"
    found: dict[str, Any] = answer.get_json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                template = path.replace("{", "<").replace("}", ">")
                yield f"{method.upper()} {template}", operation, item


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    meta = definitions.OPENAPI_31
    faults = list(validator_for(meta)(meta).iter_errors(document))
    assert not faults, [f"{'/'.join(map(str, fault.path))}: {fault.message}" for fault in faults]


def test_every_schema_is_one_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    used = set(re.findall(r"'\$ref': '#/components/(\w+/\w+)'", str(document)))
    held = {f"{kind}/{name}" for kind, entries in document["components"].items() for name in entries}
    assert used <= held
    # securitySchemes are referred to by name, and the problem by the default answer.
    assert {each for each in held - used if each.startswith("schemas/")} <= {"schemas/PaginationMetadata"}


def test_every_route_is_described_and_no_other(document: dict[str, Any]) -> None:
    described = {name for name, _, _ in operations(document)}
    pages = {"GET /openapi.json", "GET /docs", "GET /docs/<name>"}
    assert described == set(CALLS) - pages


def test_every_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    names = []
    for name, operation, _ in operations(document):
        assert operation.get("summary"), name
        assert operation.get("tags"), name
        names.append(operation["operationId"])
        if name in TABLE:
            assert operation["security"] == [{"bearer": []}], name
            assert operation["x-roles"] == [role for role in ROLES if role in TABLE[name]], name
        else:
            assert name.partition(" ")[2] in PUBLIC
            assert operation["security"] == [], name
    assert len(names) == len(set(names))
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_every_operation_describes_its_problems(document: dict[str, Any]) -> None:
    problem = {"$ref": "#/components/schemas/ProblemShape"}
    default = document["components"]["responses"]["DEFAULT_ERROR"]
    assert default["content"]["application/problem+json"]["schema"] == problem
    for name, operation, _ in operations(document):
        responses = operation["responses"]
        assert responses["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}, name
        assert [status for status in responses if status.startswith("2")], name
        for status, response in responses.items():
            if status.startswith("4"):
                assert response["content"]["application/problem+json"]["schema"] == problem, name
        if "requestBody" in operation:
            assert {"400", "415", "422"} <= set(responses), name
            assert operation["requestBody"]["required"] is True


def test_every_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    for name, operation, item in operations(document):
        given = item.get("parameters", []) + operation.get("parameters", [])
        in_path = {each["name"] for each in given if each["in"] == "path"}
        assert in_path == set(re.findall(r"<(\w+)>", name)), name
        if "If-Match" in {each["name"] for each in given}:
            assert next(each for each in given if each["name"] == "If-Match")["required"] is True


def test_unknown_fields_are_refused_and_the_document_says_so(document: dict[str, Any]) -> None:
    for name, operation, _ in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            schema = schema.get("items", schema)
            found = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert found["additionalProperties"] is False, name


@pytest.mark.parametrize(
    "rule",
    sorted(TABLE, key=lambda rule: rule.startswith(("DELETE", "POST /v1/requests/")) or "merge" in rule),
)
def test_answers_are_as_described(
    there: Installation, world: World, document: dict[str, Any], rule: str
) -> None:
    found = {name: operation for name, operation, _ in operations(document)}[rule]
    # Each step wants a request or reorder that has not taken it; a job is its creator's.
    request = world.file_request(role="dpo" if rule.endswith("/verify") else "customer")
    role = "shop" if "<job>" in rule else TABLE[rule][0]
    reorder = world.approve_reorder() if rule.endswith("/withdraw") else world.propose_reorder()
    path = world.path(rule, request_id=request, reorder=reorder)
    answer = world.call(rule, world.headers(role), path=path)
    if rule.endswith("/results"):
        # Nobody works on this job: its results are a conflict until it has ended.
        assert answer.status_code == 409
        return
    assert answer.status_code < 300, answer.get_data(as_text=True)
    described = found["responses"][str(answer.status_code)]
    if "content" not in described:
        return
    assert answer.content_type in described["content"]
    schema = described["content"][answer.content_type]["schema"]
    whole = schema | {"components": document["components"]}
    faults = list(Draft202012Validator(whole).iter_errors(answer.get_json()))
    assert not faults, [f"{'/'.join(map(str, fault.path))}: {fault.message}" for fault in faults]


def test_a_valid_request_is_one_by_the_document_too(world: World, document: dict[str, Any]) -> None:
    for name, operation, _ in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        for media_type, described in content.items():
            if media_type != "application/x-ndjson":
                whole = described["schema"] | {"components": document["components"]}
                faults = list(Draft202012Validator(whole).iter_errors(CALLS[name].body_in(world)))
                assert not faults, (name, [fault.message for fault in faults])


def test_it_is_kept_by_its_readers(there: Installation) -> None:
    first = there.client.get("/openapi.json")
    again = there.client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
