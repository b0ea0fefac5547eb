"""/metrics: counts by route and status, nothing about anybody, for all processes of an installation."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from service.api.metrics import FOLDER, empty_folder
from tests.api.helpers import Installation, installed
from tests.guards.calls import World, rules_of
from tests.guards.test_roles import TABLE
from tests.servers import Servers

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


def count(client: FlaskClient, route: str, status: int) -> float:
    for family in text_string_to_metric_families(client.get("/metrics").get_data(as_text=True)):
        for sample in family.samples:
            if sample.name.endswith("requests_total") and sample.labels == {
                "route": route,
                "status": str(status),
            }:
                return sample.value
    return 0.0


def test_every_answer_is_counted_by_its_route_and_status(world: World) -> None:
    client, route = world.client, "GET /v1/products/<sku>"
    before = {status: count(client, route, status) for status in (200, 401, 403, 404)}
    world.call(route, {})
    world.call(route, world.headers("dpo"))
    world.call(route, world.headers("shop"))
    for _ in range(3):
        world.call(route, world.headers("shop"), path="/v1/products/unheard")
    after = {status: count(client, route, status) for status in before}
    assert {status: after[status] - before[status] for status in before} == {200: 1, 401: 1, 403: 1, 404: 3}


def test_labels_are_routes_and_statuses_alone(there: Installation, world: World) -> None:
    for rule in TABLE:
        world.call(rule, world.headers(TABLE[rule][0]))
    for path in ("/nowhere", "/v1/subjects/" + "x" * 50, "/v1/products?cursor=abc"):
        there.client.get(path)
        there.client.open(path, method="BREW")
    known = {*rules_of(there)} | {f"HEAD {rule[4:]}" for rule in rules_of(there)}
    text = there.client.get("/metrics").get_data(as_text=True)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name.removesuffix("_created") for name in families} == {
        "samtycke_http_requests",
        "samtycke_http_request_seconds",
    }
    for family in families.values():
        for sample in family.samples:
            assert set(sample.labels) <= {"route", "status", "le"}
            assert sample.labels["route"] in known or sample.labels["route"].endswith("(no route)")
    for value in world.parameters.values():
        assert len(value) < 5 or f"/{value}" not in text


def test_a_made_up_method_makes_no_label_of_its_own(there: Installation) -> None:
    """Whoever could make labels could fill the memory."""
    for number in range(5):
        there.client.open("/nowhere", method=f"BREW{number}")
        there.client.open("/healthz", method=f"BREW{number}")
    text = there.client.get("/metrics").get_data(as_text=True)
    assert "BREW" not in text
    assert len(re.findall(r'requests_total\{route="[^"]*\(no route\)"', text)) < 20


@pytest.mark.parametrize("earlier", [0, 7])
def test_any_process_answers_for_all(tmp_path: Path, earlier: int) -> None:
    """Two processes count into one folder; a third shows the sum, and nothing of a set that ran before."""
    folder = tmp_path / "metrics"
    empty_folder(folder)
    if earlier:
        (folder / f"counter_{earlier}.db").write_bytes(b"junk")
        empty_folder(folder)
    program = """
from service.api.metrics import Metrics
m = Metrics()
for _ in range(3): m.count("GET /x", 200, 0.01)
print(m.show().get_data(as_text=True))
"""
    shown = ""
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={FOLDER: str(folder)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        shown = run.stdout
    assert 'samtycke_http_requests_total{route="GET /x",status="200"} 6.0' in shown
    assert folder.stat().st_mode & 0o077 == 0
