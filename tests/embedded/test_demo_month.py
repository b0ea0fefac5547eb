"""The seed scenario, whole: six customers, a month, and what each lets us do about the cough tablets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from service.embedded.demo.month import Event, play_month

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
# What Astrid, Linnea, Aino and Søren counted on the second day lasts until then.
EMPTY = START + timedelta(days=13)
VETO = timedelta(hours=168)

By = Mapping[str, Sequence[Event]]


@pytest.fixture(scope="module")
def month() -> By:
    found: dict[str, list[Event]] = {}
    for event in play_month(START):
        found.setdefault(event.who, []).append(event)
    return found


def of(month: By, who: str, by: str) -> list[Event]:
    return [event for event in month[who] if event.by == by]


def test_who_shares_nothing_is_left_alone(month: By) -> None:
    assert [event.text for event in month["elsa"]] == [
        "“May we order for her?” Vi gör ingenting med det här."
    ]


def test_who_wants_suggestions_gets_a_suggestion(month: By) -> None:
    [asked] = month["emma"]
    assert "We may only show you this, via the app. The choice is yours." in asked.text


def test_who_wants_reminding_is_reminded_and_orders_with_one_press(month: By) -> None:
    reminder, order = of(month, "aino", "letter")[0], of(month, "aino", "shop")[0]
    pressed = of(month, "aino", "customer")[0]
    # A distribution and not a point: about these days, in her language.
    assert "loppuu noin 1.\u201310. joulukuuta" in reminder.text
    assert reminder.at < pressed.at <= order.at < EMPTY
    assert len(of(month, "aino", "shop")) == len(of(month, "aino", "customer"))


def test_who_lets_us_order_is_told_first_and_supplied_in_time(month: By) -> None:
    notice, order = of(month, "astrid", "letter")[0], of(month, "astrid", "shop")[0]
    assert notice.at + VETO <= order.at
    # With the days that the parcel takes.
    assert order.at + timedelta(days=3) <= EMPTY
    # A medicine: nothing leaves without a pharmacist.
    assert notice.at <= of(month, "astrid", "pharmacist")[0].at <= order.at
    assert of(month, "astrid", "customer") == []


def test_who_says_stop_gets_no_parcel(month: By) -> None:
    notice, stop = of(month, "linnea", "letter")[0], of(month, "linnea", "customer")[0]
    assert notice.at < stop.at < notice.at + VETO
    assert not [event for event in of(month, "linnea", "shop") if event.at < EMPTY]


def test_whose_limit_is_too_low_is_reminded_instead(month: By) -> None:
    assert any("Vi bestiller ikke på egen hånd" in event.text for event in of(month, "soren", "service"))
    assert of(month, "soren", "letter")
    assert of(month, "soren", "shop") == []
