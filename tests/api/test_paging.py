"""Cursors: every row once, in order, and none of another list's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.helpers import Installation, installed, pointers, problem_of
from tests.guards.calls import CALLS, World
from tests.servers import Servers


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    world = World(there)
    for _ in range(6):
        world.file_request()
    for person in (world.subject, world.other):
        own = there.token("customer", subject=person)
        for status in ("withdrawn", "given") * 3:
            body = CALLS["POST /v1/subjects/<subject>/consents"].body_in(world) | {"status": status}
            # A yes that names the very instant of a no is taken for one sent again.
            del body["at"]
            url = f"/v1/subjects/{person}/consents"
            assert there.client.post(url, json=body, headers=own).status_code == 201
    return world


LISTS = {
    "/v1/products": "shop",
    "/v1/requests": "dpo",
    "/v1/subjects/<subject>/consents/history": "dpo",
}


def page(world: World, path: str, **query: Any) -> Any:
    where = path.replace("<subject>", world.subject)
    return world.client.get(where, query_string=query, headers=world.headers(LISTS[path]))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_every_row_comes_once_and_in_order(world: World, path: str, limit: int) -> None:
    whole = page(world, path).get_json()["items"]
    assert len(whole) > 4
    found: list[Any] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        body = page(world, path, **query).get_json()
        assert len(body["items"]) <= limit
        found += body["items"]
        if body["next"] is None:
            break
        query["cursor"] = body["next"]
    assert found == whole


@pytest.mark.parametrize("path", LISTS)
def test_the_last_page_says_so(world: World, path: str) -> None:
    whole = page(world, path, limit=500).get_json()
    assert whole["next"] is None
    # A page that is exactly full cannot know; the one after it is empty and does.
    full = page(world, path, limit=len(whole["items"])).get_json()
    assert page(world, path, cursor=full["next"]).get_json() == {"items": [], "next": None}


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_belongs_to_its_list(world: World, path: str) -> None:
    for other in LISTS:
        cursor = page(world, other, limit=1).get_json()["next"]
        assert cursor.isascii()
        if other != path:
            answer = page(world, path, cursor=cursor)
            assert pointers(problem_of(answer, 422, "invalid-input")) == {"/cursor"}


def test_a_cursor_of_one_persons_history_opens_no_other(there: Installation, world: World) -> None:
    mine = page(world, "/v1/subjects/<subject>/consents/history", limit=1).get_json()["next"]
    url = f"/v1/subjects/{world.other}/consents/history"
    answer = there.client.get(url, query_string={"cursor": mine}, headers=world.headers("dpo"))
    assert pointers(problem_of(answer, 422, "invalid-input")) == {"/cursor"}


def test_a_cursor_cannot_be_made_up(world: World) -> None:
    cursor = page(world, "/v1/products", limit=1).get_json()["next"]
    first = "B" if cursor.startswith("A") else "A"
    for changed in (cursor[:-2], first + cursor[1:], cursor[::-1], cursor + "AAAA", cursor.swapcase()):
        problem_of(page(world, "/v1/products", cursor=changed), 422, "invalid-input")


def test_rows_that_come_later_do_not_shift_a_page(world: World) -> None:
    first = page(world, "/v1/products", limit=2).get_json()
    rest = page(world, "/v1/products", cursor=first["next"]).get_json()["items"]
    body = CALLS["PUT /v1/products/<sku>"].body_in(world)
    assert (
        world.client.put("/v1/products/a-new-one", json=body, headers=world.headers("shop")).status_code
        == 200
    )
    assert page(world, "/v1/products", cursor=first["next"]).get_json()["items"] == rest
