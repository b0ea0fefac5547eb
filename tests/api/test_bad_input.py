"""Whatever is wrong with a request, a problem document names it, and nothing is stored (P13)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.helpers import Installation, installed, pointers, problem_of
from tests.guards.calls import CALLS, World, unknown
from tests.guards.test_roles import TABLE
from tests.servers import Servers

LARGEST = 64 * 1024
WRITING = [rule for rule in TABLE if rule.partition(" ")[0] != "GET"]
_PREFIXES = {
    "identifier": "idn",
    "request_id": "req",
    "job": "job",
    "decision": "dec",
    "subject": "sub",
    "event": "cev",
    "webhook": "whk",
    "message": "msg",
}


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    sizes = {"SAMTYCKE_MAX_BODY_BYTES": str(LARGEST), "SAMTYCKE_MAX_BULK_BYTES": str(2 * LARGEST)}
    with installed(servers, tmp_path_factory.mktemp("home"), **sizes) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


@pytest.fixture(scope="module")
def document(there: Installation) -> dict[str, Any]:
    found: dict[str, Any] = there.client.get("/openapi.json").get_json()
    return found


@pytest.fixture
def nothing_stored(there: Installation, world: World) -> Iterator[None]:
    before = there.digest()
    yield
    assert there.digest() == before


def has_body(rule: str) -> bool:
    return CALLS[rule].body_in.__name__ != "_nothing"


BODIES = [rule for rule in WRITING if has_body(rule)]


def send(world: World, rule: str, **changes: Any) -> TestResponse:
    return world.call(rule, world.headers(TABLE[rule][0]), **changes)


def send_body(world: World, rule: str, body: Any) -> TestResponse:
    return send(world, rule, data=json.dumps(body))


def schema_of(document: dict[str, Any], rule: str) -> dict[str, Any]:
    method, _, path = rule.partition(" ")
    operation = document["paths"][path.replace("<", "{").replace(">", "}")][method.lower()]
    [*_, content] = operation["requestBody"]["content"].values()
    found: dict[str, Any] = content["schema"]
    return found


def faults(document: dict[str, Any], schema: Any, value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Bodies with one fault each, and the pointer at which it lies, by what the document says of `value`."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    alternatives = [s for s in schema.get("anyOf", ()) if s.get("type") != "null"]
    if alternatives:
        schema = alternatives[0]
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "type" not in schema and "enum" not in schema:
        # A map of anything: what is in it is refused later, by name.
        return
    kinds = schema.get("type", "string")
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    others: dict[str, Any] = {
        "string": "\x01no",
        "integer": 1.5,
        "object": {"strange": 1},
        "array": [[]],
        "boolean": True,
    }
    for kind, other in others.items():
        if kind not in kinds and not (kind == "integer" and "number" in kinds):
            yield pointer, other
    if "null" not in kinds and not alternatives:
        yield pointer, None
    if isinstance(value, dict) and "properties" in schema:
        yield f"{pointer}/unheard", value | {"unheard": 1}
        for name in schema.get("required", ()):
            if name in value:
                yield f"{pointer}/{name}", {key: value[key] for key in value if key != name}
        for name, inner in schema["properties"].items():
            if name in value:
                for place, bad in faults(document, inner, value[name], f"{pointer}/{name}"):
                    yield place, value | {name: bad}
    elif isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        for name in value:
            inner = schema["additionalProperties"]
            for place, bad in faults(document, inner, value[name], f"{pointer}/{name}"):
                yield place, value | {name: bad}
    elif isinstance(value, list) and value:
        for place, bad in faults(document, schema.get("items", {}), value[0], f"{pointer}/0"):
            yield place, [bad, *value[1:]]
        yield pointer, []


# Where an empty list is as good as any.
MAY_BE_EMPTY = ("/data", "/changes/consents")


@pytest.mark.parametrize("rule", BODIES)
@pytest.mark.usefixtures("nothing_stored")
def test_every_fault_of_a_body_is_named_by_its_pointer(
    world: World, document: dict[str, Any], rule: str
) -> None:
    valid = CALLS[rule].body_in(world)
    count = 0
    for pointer, bad in faults(document, schema_of(document, rule), valid):
        if pointer.endswith(MAY_BE_EMPTY) and _at(bad, pointer) == []:
            continue
        found = pointers(problem_of(send_body(world, rule, bad), 422, "invalid-input"))
        # A list or map of wrong things is named by the first of them.
        assert any(each == pointer or each.startswith(f"{pointer}/") for each in found), (pointer, found, bad)
        count += 1
    assert count > 5


def _at(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value.get(part)
    return value


@pytest.mark.parametrize("rule", BODIES)
@pytest.mark.usefixtures("nothing_stored")
def test_every_fault_is_listed_at_once(world: World, rule: str) -> None:
    body = CALLS[rule].body_in(world)
    one = body[0] if isinstance(body, list) else body
    bad = one | {"unheard": 1, "a/b~c": 2}
    found = pointers(
        problem_of(send_body(world, rule, [bad] if isinstance(body, list) else bad), 422, "invalid-input")
    )
    start = "/0" if isinstance(body, list) else ""
    assert found >= {f"{start}/unheard", f"{start}/a~1b~0c"}


UNREADABLE = {
    "nothing": b"",
    "half": b'{"a": ',
    "two values": b"{} {}",
    "comments": b"{} // yes",
    "single quotes": b"{'a': 1}",
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice, escaped": b'{"a": 1, "\\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[-Infinity]",
    "a number beyond doubles": b'{"a": 1e999}',
    "a number of thousands of digits": b'{"a": ' + b"9" * 5000 + b"}",
    "deep lists": b"[" * 30_000,
    "deep lists, closed": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "Latin-1": b'{"a": "\xe5"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "an overlong zero": b'{"a": "\xc0\x80"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a control character": b'{"a": "\x00"}',
}


@pytest.mark.parametrize("rule", BODIES)
@pytest.mark.usefixtures("nothing_stored")
def test_what_is_not_json_cannot_be_read(world: World, rule: str) -> None:
    for name, data in UNREADABLE.items():
        problem = problem_of(send(world, rule, data=data), 400, "malformed-input")
        assert problem["detail"], name


@pytest.mark.parametrize("rule", BODIES)
@pytest.mark.usefixtures("nothing_stored")
def test_what_no_database_holds_is_named(world: World, rule: str) -> None:
    for text in (r'"\u0000"', r'"a\ud800b"', r'"\udfff"', "9223372036854775808", "-" + "9" * 40):
        valid = CALLS[rule].body_in(world)
        one = copy.deepcopy(valid[0] if isinstance(valid, list) else valid)
        raw = json.dumps(one | {"strange": "@"}).replace('"@"', text)
        raw = f"[{raw}]" if isinstance(valid, list) else raw
        start = "/0" if isinstance(valid, list) else ""
        found = pointers(problem_of(send(world, rule, data=raw), 422, "invalid-input"))
        assert f"{start}/strange" in found, text
        key = raw.replace('"strange"', r'"\u0000"', 1)
        problem_of(send(world, rule, data=key), 422, "invalid-input")


@pytest.mark.parametrize("rule", BODIES)
@pytest.mark.usefixtures("nothing_stored")
def test_another_media_type_is_refused(world: World, rule: str) -> None:
    for kind in (
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/problem+json",
        "nonsense",
    ):
        problem_of(send(world, rule, content_type=kind), 415, "unsupported-media-type")


@pytest.mark.parametrize("rule", BODIES)
@pytest.mark.usefixtures("nothing_stored")
def test_a_body_that_is_too_large_is_refused(world: World, rule: str) -> None:
    large = json.dumps(CALLS[rule].body_in(world)) + " " * LARGEST
    problem_of(send(world, rule, data=large), 413, "too-large")
    assert len(large) < 2 * LARGEST


@pytest.mark.usefixtures("nothing_stored")
def test_lines_of_a_job_may_be_more_but_not_without_end(world: World) -> None:
    rule = "POST /v1/candidates"
    lines = b"\n" * (2 * LARGEST + 1)
    problem_of(send(world, rule, data=lines, content_type="application/x-ndjson"), 413, "too-large")


@pytest.mark.parametrize("rule", [rule for rule in TABLE if "<" in rule])
@pytest.mark.usefixtures("nothing_stored")
def test_an_id_that_names_nothing_is_a_404(world: World, rule: str) -> None:
    # These make what they name.
    made = {
        "PUT /v1/products/<sku>": "sku",
        "PUT /v1/offers/<offer>": "offer",
        "PUT /v1/subjects/<subject>/mandates/<mandate>": "mandate",
    }
    names = [part.rstrip(">") for part in rule.replace("/", " ").split() if part.startswith("<")]
    names = [part.strip("<>") for part in names]
    # A consent's status is asked before its subject is looked for, and this one is the customer's to say.
    staff = [role for role in TABLE[rule] if role != "customer" and not rule.endswith("/consents")]
    for name in names:
        tried = ["x", "sub_", "..%2F..", "%00", "a%00b", "%ED%A0%80", "%FF", "é" * 200, "' or 1=1 --"]
        if name in _PREFIXES:
            good = unknown(_PREFIXES[name])
            # The right text in the wrong case or with another's prefix names nothing either.
            tried += [good, good.upper(), good + "a", good[:-1], f"dpo_{good.partition('_')[2]}"]
        elif name == "version":
            tried += ["0", "-1", "999999999999999999999", "1.0", "\uff12"]
        if made.get(rule) == name:
            tried = ["%00", "a%00b", "%ED%A0%80" if name == "mandate" else "%00", "a" * 300]
        for value in tried:
            for role in {TABLE[rule][0], *staff[:1]}:
                answer = world.call(rule, world.headers(role), path=world.path(rule, **{name: value}))
                problem = problem_of(answer, 404, "not-found")
                assert set(problem) == {"type", "title", "status", "instance"}


QUERIES = {
    "page=2": "/page",
    "limit=0": "/limit",
    "limit=501": "/limit",
    "limit=-1": "/limit",
    "limit=ten": "/limit",
    "limit=1e1": "/limit",
    "limit=": "/limit",
    "limit=%C2%B2": "/limit",
    "limit=10&limit=10": "/limit",
    "cursor=": "/cursor",
    "cursor=AAAA": "/cursor",
    "cursor=%00": "/cursor",
    "cursor=%C3%A5": "/cursor",
    "cursor=a&cursor=b": "/cursor",
    f"cursor={'A' * 500}": "/cursor",
}
PAGED = (
    "GET /v1/products",
    "GET /v1/requests",
    "GET /v1/subjects/<subject>/consents/history",
    "GET /v1/subjects/<subject>/inbox",
)


@pytest.mark.parametrize("rule", PAGED)
@pytest.mark.parametrize("query", QUERIES)
def test_a_faulty_query_is_named(world: World, rule: str, query: str) -> None:
    answer = send(world, rule, path=f"{world.path(rule)}?{query}")
    assert pointers(problem_of(answer, 422, "invalid-input")) == {QUERIES[query]}


def test_an_unknown_language_is_named(world: World) -> None:
    rule = "GET /v1/decisions/<decision>"
    answer = send(world, rule, path=f"{world.path(rule)}?locale=tlh&mood=good")
    assert pointers(problem_of(answer, 422, "invalid-input")) == {"/locale", "/mood"}


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/subjects", "/v1/nothing/", "//v1/subjects", "/v1/%00", "/docs/../.."]
)
def test_an_unknown_path_is_a_404_with_or_without_a_token(world: World, path: str) -> None:
    """There is nothing behind it to protect, and it says no more with a token than without."""
    for headers in ({}, world.headers("dpo"), {"Authorization": "Bearer garbage"}):
        answer = world.client.get(path, headers=headers)
        problem = problem_of(answer, 404, "not-found")
        assert set(problem) == {"type", "title", "status", "instance"}


def test_a_file_of_the_documentation_that_is_not_one_is_a_404(world: World) -> None:
    for name in ("x.js", "..", "start.py", "%2e%2e%2fapp.py", "swagger-ui.css.map"):
        problem_of(world.client.get(f"/docs/{name}"), 404, "not-found")


@pytest.mark.parametrize("rule", TABLE)
@pytest.mark.usefixtures("nothing_stored")
def test_a_method_that_nobody_wrote_is_a_405_that_names_the_others(world: World, rule: str) -> None:
    path = world.path(rule)
    for method in ("OPTIONS", "TRACE", "BREW"):
        answer = world.client.open(path, method=method, headers=world.headers("dpo"))
        problem_of(answer, 405, "method-not-allowed")
        assert rule.partition(" ")[0] in answer.headers["Allow"]


@pytest.mark.parametrize("key", ["", "a" * 256, "nyckel-å", "tab\there"])
@pytest.mark.usefixtures("nothing_stored")
def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    for rule in ("POST /v1/subjects", "POST /v1/requests", "POST /v1/signals", "POST /v1/candidates"):
        headers = world.headers(TABLE[rule][0]) | {"Idempotency-Key": key}
        problem_of(world.call(rule, headers), 400, "malformed-input")


@pytest.mark.parametrize(
    "header", ["Bearer " + "a" * 20_000, "Bearer å", "Bearer a.b.c.d.e", "Bearer\ttoken", "x"]
)
@pytest.mark.usefixtures("nothing_stored")
def test_a_strange_authorization_is_a_401(world: World, header: str) -> None:
    answer = world.call("POST /v1/subjects", {"Authorization": header})
    problem_of(answer, 401, "unauthenticated")


def test_a_problem_repeats_nothing_that_was_sent(world: World) -> None:
    """Clients keep answers and so do their logs."""
    body = CALLS["POST /v1/subjects"].body_in(world) | {
        "locale": "hush",
        "country": "hush",
        "timezone": "hush",
    }
    body["identifiers"] = [{"type": "email", "value": "hush"}, {"type": "hush", "value": "x"}]
    answer = send_body(world, "POST /v1/subjects", body)
    assert pointers(problem_of(answer, 422, "invalid-input")) >= {"/locale", "/country", "/timezone"}
    assert "hush" not in answer.get_data(as_text=True)
