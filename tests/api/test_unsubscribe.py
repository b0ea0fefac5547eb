"""One click, no login (RFC 8058): what it does, what a look does not, and what a token gives away."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from service.actor import Actor, show_subject, system_actor
from service.bootstrap import build_services
from service.crypto.unsubscribe_token import LENGTH, open_token, seal_token
from service.explanations import LANGUAGES
from service.storage.subjects import read_events, read_subject
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.rotate_keys import rotate_keys
from tests.api.helpers import Installation, installed, problem_of
from tests.api.people import add_person
from tests.servers import Servers

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client


@pytest.fixture
def person(there: Installation) -> UUID:
    return add_person(there.services).id


def token_of(there: Installation, person: UUID, channel: str = "email") -> str:
    return seal_token(there.services.index, person, channel)


def choices_of(there: Installation, person: UUID) -> Any:
    with there.services.unit(_reader()) as unit:
        return read_subject(unit, person).choices


def _reader() -> Actor:
    return system_actor("test")


def test_one_click_objects_and_refuses_the_channel(
    there: Installation, client: FlaskClient, person: UUID
) -> None:
    answer = client.post(f"/u/{token_of(there, person)}", data=ONE_CLICK)
    assert answer.status_code == 200
    choices = choices_of(there, person)
    assert choices.objections == ["direct_marketing"]
    assert choices.channels["email"] is False
    assert choices.channels.get("sms") is not False
    with there.services.unit(_reader()) as unit:
        said = [event.payload for event in read_events(unit, read_subject(unit, person))][-2:]
    assert [each["kind"] for each in said] == ["objection", "preferences"]
    assert all(each["actor"] == {"role": "customer", "sub": "unsubscribe-link"} for each in said)


def test_twice_is_once(there: Installation, client: FlaskClient, person: UUID) -> None:
    path = f"/u/{token_of(there, person)}"
    first = client.post(path, data=ONE_CLICK)
    before = there.digest()
    again = client.post(path, data=ONE_CLICK)
    assert (again.status_code, again.data) == (200, first.data)
    assert there.digest() == before


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_both_forms_of_the_rfc(there: Installation, client: FlaskClient, person: UUID, kind: str) -> None:
    answer = client.post(f"/u/{token_of(there, person)}", data=ONE_CLICK, content_type=kind)
    assert answer.status_code == 200
    assert choices_of(there, person).objections == ["direct_marketing"]


def test_a_look_changes_nothing(there: Installation, client: FlaskClient, person: UUID) -> None:
    path = f"/u/{token_of(there, person)}"
    before = there.digest()
    for method in ("GET", "HEAD"):
        answer = client.open(path, method=method)
        assert answer.status_code == 200
    assert there.digest() == before


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"List-Unsubscribe=Two-Clicks", "application/x-www-form-urlencoded", 400),
        (b"list-unsubscribe=One-Click", "application/x-www-form-urlencoded", 400),
        (b"\xff\x00%%%", "application/x-www-form-urlencoded", 400),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json", 415),
        (b"List-Unsubscribe=One-Click", "text/plain", 415),
        (b"List-Unsubscribe=One-Click", None, 415),
        (b"broken", "multipart/form-data; boundary=x", 400),
        (b"List-Unsubscribe=One-Click&x=" + b"x" * 5000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_another_body_changes_nothing(
    there: Installation, client: FlaskClient, person: UUID, body: bytes, kind: str | None, status: int
) -> None:
    path = f"/u/{token_of(there, person)}"
    before = there.digest()
    answer = client.post(path, data=body, content_type=kind)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert there.digest() == before


def test_a_token_of_nobody_is_a_page_that_says_so(
    there: Installation, client: FlaskClient, person: UUID
) -> None:
    good = token_of(there, person)
    data = base64.urlsafe_b64decode(good)
    flipped = [
        base64.urlsafe_b64encode(bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])).decode()
        for at in range(len(data))
    ]
    before = there.digest()
    for token in (*flipped, good[:-1], good + "A", good.lower(), "x", "A" * LENGTH, "%00" * 5, "å" * LENGTH):
        for answer in (client.get(f"/u/{token}"), client.post(f"/u/{token}", data=ONE_CLICK)):
            assert answer.status_code == 404, token
    assert "This link does not work" in client.get(f"/u/{flipped[0]}").get_data(as_text=True)
    assert there.digest() == before


def test_a_token_says_nothing_and_cannot_be_guessed(there: Installation) -> None:
    people = [uuid4() for _ in range(50)]
    tokens = {token_of(there, each, channel) for each in people for channel in ("email", "sms", "a" * 200)}
    assert len(tokens) == 150
    assert {len(token) for token in tokens} == {LENGTH}
    for person in people:
        for token in tokens:
            assert person.bytes not in base64.urlsafe_b64decode(token)
    # What two people's tokens have in common is chance.
    one, other = (base64.urlsafe_b64decode(token_of(there, each)) for each in people[:2])
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 6


def test_an_erased_person_gets_the_same_page(there: Installation, client: FlaskClient, person: UUID) -> None:
    path = f"/u/{token_of(there, person)}"
    other = add_person(there.services).id
    done = client.post(f"/u/{token_of(there, other)}", data=ONE_CLICK)
    asked = client.get(path)
    dpo = there.token("dpo")
    filed = client.post(
        "/v1/requests", json={"subject": _show(person), "type": "erasure"}, headers=dpo
    ).get_json()["id"]
    for step in ("verify", "fulfil"):
        answer = client.post(f"/v1/requests/{filed}/{step}", json={"reason": "asked"}, headers=dpo)
        assert answer.status_code == 200, answer.get_data(as_text=True)
    before = there.digest()
    answer = client.post(path, data=ONE_CLICK)
    assert (answer.status_code, answer.data) == (done.status_code, done.data)
    assert client.get(path).data == asked.data
    assert there.digest() == before
    # Nor does it tell them from somebody whom nobody ever knew.
    assert client.post(f"/u/{token_of(there, uuid4())}", data=ONE_CLICK).data == done.data


def _show(person: UUID) -> str:
    return show_subject(person)


def test_a_letter_from_before_a_merge_still_works(
    there: Installation, client: FlaskClient, person: UUID
) -> None:
    path, other = f"/u/{token_of(there, person)}", add_person(there.services).id
    with there.services.unit(_reader()) as unit:
        merge_subjects(unit, person, other)
    assert client.post(path, data=ONE_CLICK).status_code == 200
    assert choices_of(there, other).objections == ["direct_marketing"]
    assert choices_of(there, other).channels["email"] is False


def test_a_channel_that_is_no_more_still_ends_marketing(
    there: Installation, client: FlaskClient, person: UUID
) -> None:
    before = choices_of(there, person).channels
    assert client.post(f"/u/{token_of(there, person, 'fax')}", data=ONE_CLICK).status_code == 200
    assert choices_of(there, person).objections == ["direct_marketing"]
    assert choices_of(there, person).channels == before


def test_a_token_outlives_a_rotation_of_keys(there: Installation, person: UUID) -> None:
    token = token_of(there, person)
    rotate_keys(there.services)
    fresh = build_services(there.services.config)
    try:
        opened = open_token(fresh.index, token)
        assert opened is not None
        assert (opened.subject, opened.is_of("email"), opened.is_of("sms")) == (person, True, False)
    finally:
        fresh.close()


class Outline(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_in_every_language(
    there: Installation, client: FlaskClient, person: UUID, language: str
) -> None:
    answer = client.get(f"/u/{token_of(there, person)}", headers={"Accept-Language": f"{language}, en;q=0.1"})
    text = answer.get_data(as_text=True)
    outline = Outline(text).tags
    names = [name for name, _ in outline]
    assert ("html", {"lang": language}) in outline
    assert (names.count("h1"), names.count("main"), names.count("button"), names.count("form")) == (
        1,
        1,
        1,
        1,
    )
    assert not {"script", "link", "img", "iframe", "object", "a"} & set(names)
    assert "url(" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert token_of(there, person) not in text


def test_norwegian_under_its_other_names(there: Installation, client: FlaskClient, person: UUID) -> None:
    for name in ("no", "nn", "nb-NO"):
        answer = client.get(f"/u/{token_of(there, person)}", headers={"Accept-Language": name})
        assert '<html lang="nb">' in answer.get_data(as_text=True)


def test_headers_keep_it_to_itself(there: Installation, client: FlaskClient, person: UUID) -> None:
    path = f"/u/{token_of(there, person)}"
    for answer in (client.get(path), client.post(path, data=ONE_CLICK), client.get("/u/x")):
        headers = answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy


def test_a_cookie_or_a_token_of_somebody_else_changes_nothing(
    there: Installation, client: FlaskClient, person: UUID
) -> None:
    headers = there.token("customer") | {"Cookie": "session=x", "Origin": "https://evil.example"}
    answer = client.post(f"/u/{token_of(there, person)}", data=ONE_CLICK, headers=headers)
    assert answer.status_code == 200
    assert choices_of(there, person).objections == ["direct_marketing"]


def test_what_was_no_problem_stays_none(there: Installation, client: FlaskClient, person: UUID) -> None:
    problem_of(client.put(f"/u/{token_of(there, person)}"), 405, "method-not-allowed")
