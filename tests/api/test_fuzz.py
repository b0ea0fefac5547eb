"""No input breaks it (P13): bodies, paths, queries and headers made from the interface's own document, right
and wrong ones, and small mutilations of valid requests, with tokens of every role."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from werkzeug.test import TestResponse

from service.api.auth import roles_of
from tests.api.helpers import Installation, installed
from tests.guards.calls import CALLS, World
from tests.guards.test_roles import TABLE
from tests.servers import Servers

EXAMPLES = {GenerationMode.POSITIVE: 12, GenerationMode.NEGATIVE: 10}
MUTILATIONS = 25
# Checked by their own tests; here they would only be fetched again and again.
SKIPPED = ("/openapi.json", "/docs", "/metrics", "/readyz", "/healthz", "/u/", "/withdraw/", "/order/")


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


@pytest.fixture(scope="module")
def operations(there: Installation) -> dict[str, Any]:
    """schemathesis' operations by route."""
    schema = schemathesis.openapi.from_dict(there.client.get("/openapi.json").get_json())
    found = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        path = operation.path.replace("{", "<").replace("}", ">")
        found[f"{operation.method.upper()} {path}"] = operation
    return found


def repeatable(examples: int) -> Callable[[Any], Any]:
    """The same inputs in every run, and only tried: a test that fails must fail for whoever looks at it."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )


def check(rule: str, answer: TestResponse) -> None:
    text = answer.get_data(as_text=True)
    assert answer.status_code < 500, (rule, text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.status_code >= 400:
        assert answer.content_type == "application/problem+json", rule
        problem = json.loads(text)
        assert problem["status"] == answer.status_code
        assert problem["type"].startswith("urn:samtycke:problem:")
        assert problem["title"]
        if problem["type"].endswith(":invalid-input"):
            assert problem["errors"], problem
    elif answer.status_code == 204:
        assert not text
    else:
        kind = answer.content_type.partition(";")[0]
        assert kind in {
            "application/json",
            "application/ld+json",
            "application/x-ndjson",
            "text/csv",
            "text/plain",
        }, rule
        if kind.endswith("json") and kind != "application/x-ndjson":
            json.loads(text)


def personal(value: Any, world: World) -> Any:
    """Every subject in a generated body becomes one who exists, so that what lies behind is reached too."""
    if isinstance(value, dict):
        return {
            key: world.subject
            if key in {"subject", "id"} and str(inner).startswith("sub_")
            else personal(inner, world)
            for key, inner in value.items()
        }
    return [personal(each, world) for each in value] if isinstance(value, list) else value


def fire(client: FlaskClient, world: World, rule: str, case: Case, role: str, known: bool) -> TestResponse:
    parameters = {name: str(value) for name, value in (case.path_parameters or {}).items()}
    if known:
        parameters = {name: world.path_value(rule, name) for name in parameters}
    path = rule.partition(" ")[2]
    for name, value in parameters.items():
        path = path.replace(f"<{name}>", quote(value, safe="", errors="surrogatepass") or "-")
    headers = {name: value for name, value in _plain(case.headers).items() if name.lower() != "authorization"}
    headers |= world.headers(role)
    if known and "If-Match" in headers:
        headers["If-Match"] = f'"{world.epoch()}"'
    sent: dict[str, Any] = {"query_string": {str(k): v for k, v in (case.query or {}).items()}}
    if case.media_type is not None:
        body = case.body
        if not isinstance(body, bytes):
            body = json.dumps(personal(body, world) if known else body).encode("utf-8", "surrogatepass")
        sent |= {"data": body, "content_type": case.media_type}
    return client.open(path, method=case.method, headers=headers, **sent)


def _plain(headers: Any) -> dict[str, str]:
    """What a client library would let through: Latin-1 without line breaks."""
    found = {}
    for name, value in (headers or {}).items():
        text = str(value).encode("latin-1", "replace").decode("latin-1")
        found[str(name)] = "".join(c for c in text if c.isprintable())
    return found


@pytest.mark.parametrize("mode", EXAMPLES)
@pytest.mark.parametrize("rule", TABLE)
def test_generated_requests(
    there: Installation, world: World, operations: dict[str, Any], rule: str, mode: GenerationMode
) -> None:
    client = there.client
    roles = st.sampled_from(TABLE[rule])

    @repeatable(EXAMPLES[mode])
    @given(operations[rule].as_strategy(generation_mode=mode), roles, st.booleans())
    def go(case: Case, role: str, known: bool) -> None:
        check(rule, fire(client, world, rule, case, role, known))

    go()


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "0", "\x00", "*", "sku:", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59.9Z", "a" * 5000]
    )
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=3)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*at, key))


def mutilated(body: Any, at: tuple[Any, ...], value: Any, drop: bool) -> Any:
    if not at:
        return value
    whole = copy.deepcopy(body)
    part = whole
    for key in at[:-1]:
        part = part[key]
    if drop:
        del part[at[-1]]
    else:
        part[at[-1]] = value
    return whole


@pytest.mark.parametrize("rule", [rule for rule in TABLE if CALLS[rule].body_in.__name__ != "_nothing"])
def test_mutilated_requests(there: Installation, world: World, rule: str) -> None:
    """One place of a valid body holds something else: this gets past what a schema refuses at once."""
    body = CALLS[rule].body_in(world)

    @repeatable(MUTILATIONS)
    @given(st.sampled_from(list(places(body))), VALUES, st.booleans(), st.sampled_from(TABLE[rule]))
    def go(at: tuple[Any, ...], value: Any, drop: bool, role: str) -> None:
        data = json.dumps(mutilated(body, at, value, drop))
        check(rule, world.call(rule, world.headers(role), data=data))

    go()


def test_bytes(there: Installation, world: World) -> None:
    client, headers = there.client, world.headers("shop")

    @repeatable(60)
    @given(st.binary(max_size=300), st.sampled_from(["application/json", "application/x-ndjson"]))
    def go(data: bytes, kind: str) -> None:
        for path in ("/v1/candidates", "/v1/decisions", "/v1/signals"):
            check(path, client.post(path, data=data, content_type=kind, headers=headers))

    go()


def test_nothing_of_the_interface_is_left_out(there: Installation, operations: dict[str, Any]) -> None:
    assert {rule for rule in operations if not rule.partition(" ")[2].startswith(SKIPPED)} == set(TABLE)
    guarded = {
        rule.endpoint
        for rule in there.app.url_map.iter_rules()
        if roles_of(there.app.view_functions[rule.endpoint])
    }
    assert len(guarded) == len(TABLE)
