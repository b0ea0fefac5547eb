"""Raising to automate is asked about once more, by name; lowering never is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.errors import ConfirmationRequiredError
from service.explanations.mandates import order_button
from service.storage.choices import Choices
from service.storage.subjects import create_subject, read_events, read_subject
from service.use_cases.change_preferences import change_preferences
from service.use_cases.put_mandate import PutMandate, put_mandate
from tests.use_cases.conftest import NOW, Acting
from tests.use_cases.test_preview import ALL_YES, make

AUTOMATE = {"levels": {"health": "automate"}}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["levels"] = {
        "automate": {
            "confirm": True,
            "texts": {"fi": {"title": "Hoida puolestani"}, "sv": {"title": "Sköt det åt mig"}},
        }
    }
    for entry in policy_document["rollout"]:
        entry["stage"] = "live"
    return policy_document


def patch(
    acting: Acting,
    subject: UUID,
    body: dict[str, Any],
    confirmation: str | None = None,
    at: datetime = NOW,
    role: str = "customer",
) -> None:
    with acting(role, subject if role == "customer" else None, at=at) as unit:
        change_preferences(unit, subject, body, None, confirmation)


def asked(acting: Acting, subject: UUID, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    with pytest.raises(ConfirmationRequiredError) as caught:
        patch(acting, subject, body, **more)
    return caught.value.members


def levels(acting: Acting, subject: UUID) -> dict[str, str]:
    with acting("shop") as unit:
        return dict(read_subject(unit, subject).choices.levels)


def test_it_is_asked_and_then_done(acting: Acting, aino: UUID) -> None:
    told = asked(acting, aino, AUTOMATE)
    assert levels(acting, aino) == {}
    assert told["confirm_until"] == "2026-11-22T10:00:00Z"
    patch(acting, aino, AUTOMATE, told["confirmation"], at=NOW + timedelta(minutes=59))
    assert levels(acting, aino) == {"health": "automate"}
    with acting("dpo") as unit:
        [event] = read_events(unit, read_subject(unit, aino))
    assert event.payload["after"] == {"levels": {"health": "automate"}}
    assert event.payload["confirmed"] == {
        "asked_at": "2026-11-22T09:00:00Z",
        "explanation": told["explanation"],
        "changes": told["changes"],
    }


def test_it_tells_what_will_change(acting: Acting, aino: UUID) -> None:
    consents = [each for each in ALL_YES.consents if each.purpose is not None]
    sharing = {"sharing": {"purchases": True}, "levels": {"*": "coach"}}
    make(acting, aino, type(ALL_YES)(consents, sharing, {}))
    with acting("customer", aino) as unit:
        terms = PutMandate("health.otc", "SEK", 12_300, order_button("fi"), "fi")
        put_mandate(unit, aino, "man_a", terms)
    told = asked(acting, aino, AUTOMATE)
    assert {(row["category"], row["before"], row["after"]) for row in told["changes"]} == {
        ("health.otc", "coach", "automate"),
        ("health.otc.cough", "coach", "automate"),
    }
    text = [each.replace("\xa0", " ") for each in told["explanation"]]
    assert text == [
        "Ryhmässä ”health” valitset ”Hoida puolestani” etkä enää ”coach”.",
        "Palvelussa ”replenishment” ryhmän ”health otc” taso on ”Hoida puolestani” eikä enää ”coach”.",
        "Silloin saamme tilata puolestasi ryhmästä ”health otc”, enintään 123,00 SEK tilausta kohti.",
        "Käytämme tähän: identity, purchases.",
        "Voit valita vähemmän kohdassa Tietosuoja milloin tahansa, ja se on heti voimassa.",
    ]


def test_all_at_once_is_told_at_once(acting: Acting, aino: UUID) -> None:
    patch(acting, aino, {"levels": {"*": "curate", "beauty": "coach", "health": "off"}})
    told = asked(acting, aino, {"levels": {"*": "automate", "beauty": "automate"}})["explanation"]
    assert [text for text in told if "valitset" in text] == [
        "Kaikessa, mille et ole valinnut omaa tasoa, valitset ”Hoida puolestani” etkä enää ”curate”.",
        "Ryhmässä ”beauty” valitset ”Hoida puolestani” etkä enää ”coach”.",
    ]


def test_where_nothing_follows_yet_it_says_so(acting: Acting, aino: UUID) -> None:
    told = asked(acting, aino, AUTOMATE)
    assert told["changes"] == []
    assert "Toistaiseksi jokin muu estää meitä tilaamasta omin päin." in told["explanation"]


@pytest.mark.parametrize(
    "body",
    [
        {"levels": {"health": "coach"}},
        {"levels": {"*": "off", "health.otc": "coach"}},
        {"sharing": {"purchases": True}},
        {"levels": {"health.otc": "automate"}},
        {"levels": {"beauty": "respond"}},
        {"levels": {"*": "automate", "beauty": None, "alcohol": "curate"}, "max_per_week": None},
    ],
)
def test_what_raises_nothing_is_not_asked(acting: Acting, aino: UUID, body: dict[str, Any]) -> None:
    """Health is on automate already; whatever stays or goes down goes through at once."""
    base = {"levels": {"health": "automate", "beauty": "automate", "*": "automate"}}
    patch(acting, aino, base, asked(acting, aino, base)["confirmation"])
    patch(acting, aino, body)


@pytest.mark.parametrize(
    "body",
    [
        {"levels": {"*": "automate"}},
        {"levels": {"health.otc.cough": "automate", "health": "off"}},
        # What was below goes, and what is above comes through.
        {"levels": {"beauty": None}},
        {"levels": {"beauty": "automate"}, "max_per_week": 1},
    ],
)
def test_whatever_raises_is_asked(acting: Acting, aino: UUID, body: dict[str, Any]) -> None:
    base = {"levels": {"*": "automate", "beauty": "coach", "health": "coach", "alcohol": "coach"}}
    patch(acting, aino, base, asked(acting, aino, base)["confirmation"])
    if body == {"levels": {"*": "automate"}}:
        patch(acting, aino, {"levels": {"*": "curate"}})
    told = asked(acting, aino, body)
    patch(acting, aino, body, told["confirmation"])


SPOILT: list[Callable[[str], str]] = [
    lambda text: text[:-1],
    lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
    lambda text: ("a" if text[0] != "a" else "b") + text[1:],
    lambda text: text.upper(),
    lambda _: base64.b32encode(bytes(25)).decode().lower(),
    lambda _: "yes",
    lambda _: "",
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_confirmation_that_was_tampered_with_is_none(
    acting: Acting, aino: UUID, spoil: Callable[[str], str]
) -> None:
    told = asked(acting, aino, AUTOMATE)
    again = asked(acting, aino, AUTOMATE, confirmation=spoil(told["confirmation"]))
    assert again == told
    assert levels(acting, aino) == {}


def test_a_confirmation_is_of_one_person_one_change_one_epoch_and_one_hour(
    acting: Acting, aino: UUID
) -> None:
    with acting("shop") as unit:
        other = UUID(int=7)
        create_subject(unit, other, Choices(locale="fi"))
    given = asked(acting, aino, AUTOMATE)["confirmation"]
    asked(acting, other, AUTOMATE, confirmation=given)
    asked(acting, aino, {"levels": {"*": "automate"}}, confirmation=given)
    asked(acting, aino, AUTOMATE | {"max_per_week": 1}, confirmation=given)
    asked(acting, aino, AUTOMATE, confirmation=given, at=NOW + timedelta(hours=1))
    patch(acting, aino, {"max_per_week": 3})
    asked(acting, aino, AUTOMATE, confirmation=given)
    assert levels(acting, aino) == {}


def test_a_confirmation_serves_once(acting: Acting, aino: UUID) -> None:
    given = asked(acting, aino, AUTOMATE)["confirmation"]
    patch(acting, aino, AUTOMATE, given)
    patch(acting, aino, {"levels": {"health": "off"}})
    asked(acting, aino, AUTOMATE, confirmation=given)


def test_it_is_asked_of_the_customer_alone(acting: Acting, aino: UUID) -> None:
    patch(acting, aino, AUTOMATE, role="dpo")
    assert levels(acting, aino) == {"health": "automate"}


class TestWhereThePolicyAsksNothing:
    @pytest.fixture
    def policy_document(self, policy_document: dict[str, Any]) -> dict[str, Any]:
        del policy_document["levels"]["automate"]["confirm"]
        return policy_document

    def test_a_plain_patch_is_enough(self, acting: Acting, aino: UUID) -> None:
        patch(acting, aino, AUTOMATE)
        assert levels(acting, aino) == {"health": "automate"}
        with acting("dpo") as unit:
            [event] = read_events(unit, read_subject(unit, aino))
        assert "confirmed" not in event.payload
