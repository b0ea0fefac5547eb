"""Reading states and candidates: every fault with its place, nothing half read."""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import Any

import pytest

from service.policy import (
    Fault,
    InputRefused,
    Level,
    Quiet,
    read_candidate,
    read_instant,
    read_now,
    read_state,
)

MISSING = object()

STATE: dict[str, Any] = {
    "subject": "s1",
    "status": "active",
    "birth_date": "1990-02-28",
    "timezone": "Europe/Stockholm",
    "consents": {"a/b": {"status": "given", "explicit": True, "notice_version": 1, "expires_at": None}},
    "objections": ["offers"],
    "sharing": {"usage": True},
    "levels": {"*": "coach"},
    "channels": {"email": True},
    "paused_until": "2027-01-01T00:00:00+01:00",
    "quiet": {"from": "21:00", "to": "08:00"},
    "max_per_week": 2,
    "flags": ["away"],
    "mandates": [
        {
            "id": "m1",
            "covers": "*",
            "currency": "SEK",
            "max_price_minor": 1,
            "max_spend_minor": 1,
            "spend_days": 1,
        },
        {"id": "m2", "covers": "*", "currency": "SEK", "max_price_minor": 0},
    ],
    "contacts": [{"at": "2027-01-01T00:00:00Z", "channel": "email", "programme": "news"}],
    "orders": [{"at": "2027-01-01T00:00:00Z", "sku": "p1", "mandate": "m1", "amount_minor": 1}],
}
CANDIDATE: dict[str, Any] = {
    "id": "c1",
    "programme": "refill",
    "strategy": "coach",
    "category": "health",
    "sku": "p1",
    "channels": ["email", "app"],
    "data": [],
    "quantity": 1,
    "price_minor": 0,
    "currency": "SEK",
    "expires_at": None,
    "fallback": None,
}


def put(document: dict[str, Any], pointer: str, value: object) -> dict[str, Any]:
    """A copy with another value at a JSON pointer, or none there."""
    document = deepcopy(document)
    *steps, last = [step.replace("~1", "/") for step in pointer.split("/")[1:]]
    place: Any = document
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    key = int(last) if isinstance(place, list) else last
    if value is MISSING:
        del place[key]
    elif isinstance(place, list) and key == len(place):
        place.append(value)
    else:
        place[key] = value
    return document


def paths(read: Any, document: object) -> list[str]:
    with pytest.raises(InputRefused) as refusal:
        read(document)
    return [fault.path for fault in refusal.value.faults]


INSTANT_FAULTS = (
    "2027-01-01T00:00:00",
    "2027-01-01",
    "2027-01-01 00:00:00Z",
    "2027-01-01T00:00:00.5Z",
    "2027-02-30T00:00:00Z",
    "2027-01-01T24:00:00Z",
    "2027-01-01T00:00:60Z",
    "2027-01-01T00:00Z",
    "2027-01-01T00:00:00+0100",
    "2027-01-01T00:00:00+24:00",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "2027-01-01T00:00:00Z\n",
    "٢٠٢٧-01-01T00:00:00Z",
    "",
    0,
    1.5,
    True,
)
STATE_FAULTS = [
    *[("/subject", value) for value in (MISSING, None, "", " ", 1, True, "\ud800", "s" * 501)],
    *[("/status", value) for value in (MISSING, None, "", "Active", "unknown", True, [])],
    *[("/birth_date", value) for value in ("1990-02-29", "19900228", "1990-02-28T00:00:00Z", 1990, "", True)],
    *[("/timezone", value) for value in ("Mars", "europe/stockholm", "../UTC", "localtime", "", 1, "+01:00")],
    *[("/consents", value) for value in ([], "given", True)],
    *[("/consents/a~1b", value) for value in ("given", [], True)],
    *[("/consents/a~1b/status", value) for value in (MISSING, None, "Given", "outdated", 1)],
    *[("/consents/a~1b/explicit", value) for value in (0, 1, "true")],
    *[("/consents/a~1b/notice_version", value) for value in (True, -1, 1.0, "1", 10**16)],
    *[("/consents/a~1b/expires_at", value) for value in INSTANT_FAULTS],
    ("/consents/a~1b/given_at", "2027-01-01T00:00:00Z"),
    ("/consents/", {"status": "given"}),
    *[("/objections", value) for value in ("offers", {}, True)],
    *[("/objections/0", value) for value in (None, 1, "", [])],
    *[("/sharing/usage", value) for value in (0, 1, "true", [])],
    *[("/levels/*", value) for value in ("Coach", 3, True, "")],
    *[("/channels/email", value) for value in (0, 1, "yes")],
    *[("/paused_until", value) for value in INSTANT_FAULTS],
    *[("/quiet", value) for value in ([], "21:00-08:00", True)],
    *[
        ("/quiet/from", value)
        for value in (MISSING, None, "24:00", "9:00", "21:00:00", "21.00", "²1:00", 1260)
    ],
    ("/quiet/zone", "UTC"),
    *[("/max_per_week", value) for value in (True, -1, 1.0, "2")],
    *[("/flags/0", value) for value in (None, 1, "")],
    *[("/mandates", value) for value in ({}, "m1")],
    ("/mandates/0", None),
    *[("/mandates/0/id", value) for value in (MISSING, None, "", 1)],
    ("/mandates/1/id", "m1"),
    *[("/mandates/0/covers", value) for value in (MISSING, None, "")],
    *[("/mandates/0/currency", value) for value in (MISSING, None, "", "sek", "kr", "SEKK", 752, "ÅÄÖ")],
    *[("/mandates/0/max_price_minor", value) for value in (MISSING, None, True, -1, 1.0, "1")],
    *[("/mandates/0/max_quantity", value) for value in (True, -1, 1.5)],
    *[("/mandates/0/max_spend_minor", value) for value in (True, -1)],
    *[("/mandates/0/spend_days", value) for value in (MISSING, None, True, 0, -1, 10**9)],
    *[("/mandates/0/min_days_between", value) for value in (True, -1, 10**9)],
    *[("/mandates/0/expires_at", value) for value in INSTANT_FAULTS],
    ("/mandates/0/suspended", True),
    *[("/contacts/0/at", value) for value in (MISSING, None, *INSTANT_FAULTS)],
    *[("/contacts/0/channel", value) for value in (MISSING, None, "")],
    ("/contacts/0/programme", 1),
    *[("/orders/0/at", value) for value in (MISSING, None, *INSTANT_FAULTS)],
    *[("/orders/0/sku", value) for value in (MISSING, None, "")],
    *[("/orders/0/mandate", value) for value in (1, "")],
    *[("/orders/0/amount_minor", value) for value in (MISSING, None, True, -1, 1.5)],
    ("/locale", "sv"),
]
CANDIDATE_FAULTS = [
    *[("/id", value) for value in (MISSING, None, "", 1)],
    *[("/programme", value) for value in ("", 1, [])],
    *[("/strategy", value) for value in (MISSING, None, "off", "", "Coach", 3)],
    *[("/category", value) for value in ("", 1, "a." * 300)],
    *[("/sku", value) for value in (MISSING, None, "", 1)],
    *[("/channels", value) for value in (MISSING, None, [], "email", {})],
    *[("/channels/1", value) for value in ("email", None, 1, "")],
    *[("/data", value) for value in (MISSING, None, "usage", {})],
    *[("/data/0", value) for value in (None, 1, "")],
    *[("/quantity", value) for value in (MISSING, None, True, 0, -1, 1.0, "1")],
    *[("/price_minor", value) for value in (MISSING, None, True, -1, 1.5, "100", 10**16)],
    *[("/currency", value) for value in (MISSING, None, "", "sek", "kr")],
    *[("/expires_at", value) for value in INSTANT_FAULTS],
    *[("/fallback", value) for value in (0, 1, "true")],
    ("/score", 1),
]


@pytest.mark.parametrize(("path", "value"), STATE_FAULTS)
def test_a_state_with_a_fault_is_refused_there(path: str, value: object) -> None:
    assert paths(read_state, put(STATE, path, value)) == [path]


@pytest.mark.parametrize(("path", "value"), CANDIDATE_FAULTS)
def test_a_candidate_with_a_fault_is_refused_there(path: str, value: object) -> None:
    assert paths(read_candidate, put(CANDIDATE, path, value)) == [path]


@pytest.mark.parametrize("value", [[], "s1", 1, True])
def test_what_is_no_object_is_neither(value: object) -> None:
    assert paths(read_state, value) == [""]
    assert paths(read_candidate, value) == [""]


def test_no_state_is_no_subject_and_no_candidate_is_a_fault() -> None:
    assert read_state(None) is None
    assert paths(read_candidate, None) == [""]


def test_every_fault_is_found_at_once() -> None:
    document = put(put(put(STATE, "/status", "gone"), "/sharing/usage", 1), "/mandates/0/spend_days", None)
    document = put(document, "/mandates/1/id", "m1")
    assert sorted(paths(read_state, document)) == [
        *("/mandates/0/spend_days", "/mandates/1/id", "/sharing/usage", "/status"),
    ]
    assert len(paths(read_candidate, {})) == 8


def test_a_missing_optional_key_equals_null() -> None:
    bare = read_state({"subject": "s1", "status": "active"})
    nulls = dict.fromkeys(set(STATE) - {"subject", "status"})
    assert bare == read_state({"subject": "s1", "status": "active", **nulls})
    assert bare is not None
    assert (bare.timezone, bare.birth_date, bare.mandates) == ("UTC", None, ())
    state = read_state(
        {"subject": "s1", "status": "active", "channels": {"a": None}, "consents": {"b": None}}
    )
    assert state == bare
    nulls = dict.fromkeys(("programme", "category", "expires_at", "fallback"))
    candidate = read_candidate(CANDIDATE | nulls)
    assert candidate == read_candidate({key: CANDIDATE[key] for key in CANDIDATE if key not in nulls})
    assert candidate.fallback is True
    assert read_candidate(CANDIDATE | {"fallback": False}).fallback is False


def test_a_whole_state_is_read() -> None:
    state = read_state(STATE)
    assert state is not None
    assert str(state.birth_date) == "1990-02-28"
    assert state.paused_until == read_instant("2026-12-31T23:00:00Z")
    assert state.levels == {"*": Level.coach}
    assert state.quiet == Quiet("21:00", "08:00")
    assert state.consents["a/b"].notice_version == 1
    assert state.mandates[0].spend_days == 1
    assert state.orders[0].mandate == "m1"
    assert state.contacts[0].channel == "email"


def test_a_refusal_repeats_nothing_of_a_person() -> None:
    with pytest.raises(InputRefused) as refusal:
        read_state(put(put(STATE, "/timezone", "Secret/Place"), "/status", "secret"))
    assert "ecret" not in str(refusal.value)


def test_a_refusal_survives_the_way_between_processes() -> None:
    refusal = InputRefused([Fault("/a", "b")])
    assert pickle.loads(pickle.dumps(refusal)).faults == refusal.faults


@pytest.mark.parametrize("text", [value for value in INSTANT_FAULTS if isinstance(value, str)])
def test_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_instant(text)


def test_instants_are_read_as_utc() -> None:
    assert read_instant("2027-01-01t02:00:00.000+02:00") == read_now("2026-12-31T23:59:59.0001z")
    assert read_instant("2027-01-01T00:00:00-00:00").utcoffset() is not None


@pytest.mark.parametrize("text", ["1899-12-31T23:59:59Z", "9000-01-01T00:00:01Z", "9999-12-31T23:59:59.5Z"])
def test_now_keeps_away_from_the_ends_of_the_calendar(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_now(text)
