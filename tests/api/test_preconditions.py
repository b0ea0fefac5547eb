"""ETag and If-Match on preferences: nobody overwrites what they have not seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.api.helpers import Installation, installed, pointers, problem_of
from tests.guards.calls import World
from tests.servers import Servers


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


def read(world: World) -> TestResponse:
    return world.client.get(f"/v1/subjects/{world.subject}/preferences", headers=world.own())


def patch(world: World, match: str | None, **changes: object) -> TestResponse:
    headers = world.own() | ({} if match is None else {"If-Match": match})
    url = f"/v1/subjects/{world.subject}/preferences"
    return world.client.patch(url, json=changes or {"max_per_week": 2}, headers=headers)


def test_the_tag_is_the_epoch(world: World) -> None:
    answer = read(world)
    assert answer.headers["ETag"] == f'"{answer.get_json()["epoch"]}"'
    changed = patch(world, answer.headers["ETag"], max_per_week=4)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == read(world).headers["ETag"] != answer.headers["ETag"]


def test_without_it_is_a_428_and_changes_nothing(world: World) -> None:
    before = world.there.digest()
    problem_of(patch(world, None), 428, "precondition-required")
    assert world.there.digest() == before


@pytest.mark.parametrize("match", ['"0"', "0", '"nonsense"', "", '"', 'W/"{}"', '"{}x"', '"-{}"', ","])
def test_any_other_tag_is_a_412_and_changes_nothing(world: World, match: str) -> None:
    """Also a weak one of the right version (RFC 9110, section 13.1.1)."""
    before = world.there.digest()
    problem_of(patch(world, match.replace("{}", str(world.epoch()))), 412, "stale")
    assert world.there.digest() == before


def test_one_of_several_tags_is_enough(world: World) -> None:
    assert patch(world, f'"0", "{world.epoch()}"', max_per_week=5).status_code == 200


def test_any_change_makes_a_tag_stale(world: World) -> None:
    tag = read(world).headers["ETag"]
    about = f"/v1/subjects/{world.subject}"
    client, own = world.client, world.own()
    assert client.put(f"{about}/objections/service_tips", headers=own).status_code == 200
    problem_of(patch(world, tag), 412, "stale")
    problem_of(patch(world, tag, max_per_week=100), 412, "stale")


def test_of_two_at_once_one_is_refused(world: World) -> None:
    tag, start, answers = read(world).headers["ETag"], threading.Barrier(2), []

    def send(count: int) -> None:
        start.wait()
        answers.append(patch(world, tag, max_per_week=count))

    threads = [threading.Thread(target=send, args=(count,)) for count in (11, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    [kept] = [answer for answer in answers if answer.status_code == 200]
    assert read(world).get_json()["max_per_week"] == kept.get_json()["max_per_week"]


def test_a_patch_that_changes_nothing_keeps_the_tag(world: World) -> None:
    tag = read(world).headers["ETag"]
    same = patch(world, tag, max_per_week=read(world).get_json()["max_per_week"])
    assert (same.status_code, same.headers["ETag"]) == (200, tag)


def test_faults_come_before_staleness(world: World) -> None:
    """Whoever sends nonsense learns so at once, and not after reading again."""
    answer = patch(world, '"0"', levels={"nothing.such": "coach"}, sharing={"identity": False})
    assert pointers(problem_of(answer, 422, "invalid-input")) == {"/levels/nothing.such", "/sharing/identity"}
