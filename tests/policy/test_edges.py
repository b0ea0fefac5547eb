"""The edges that decision.md draws, one by one, on a policy small enough to see why."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest

from service.policy import (
    Decision,
    InputRefused,
    Level,
    Quiet,
    State,
    evaluate,
    evaluate_all,
    load_policy,
    read_candidate,
    read_now,
    read_state,
)

POLICY: dict[str, Any] = {
    "format": "samtycke-policy/1",
    "default_level": "automate",
    "purposes": {
        "deliver": {"basis": "contract", "data": ["orders"]},
        "offers": {"basis": "consent", "data": ["orders"], "direct_marketing": True},
        "reorder": {"basis": "consent", "data": ["orders"], "explicit": True, "min_notice_version": 2},
        "health": {"basis": "consent", "data": ["orders"]},
    },
    "data": {"orders": {"sharing": "choice"}, "ward": {"sharing": "choice"}},
    "programmes": {
        "refill": {
            "ladder": {
                "respond": ["deliver"],
                "curate": ["deliver"],
                "coach": ["deliver"],
                "automate": ["reorder", "deliver"],
            }
        },
        "offers": {"ladder": {"curate": ["offers"]}},
        "recall": {
            "ladder": {rung: ["deliver"] for rung in ("respond", "coach", "automate")},
            "essential": True,
        },
    },
    "categories": {
        "health": {},
        "health.otc": {},
        "alcohol": {"min_age": 18},
        "ward": {"requires": ["health"]},
    },
    "channels": {"email": {"opt_in": True}, "app": {"opt_in": False}, "sms": {"opt_in": False}},
}
STATE: dict[str, Any] = {
    "subject": "s1",
    "status": "active",
    "timezone": "Europe/Stockholm",
    "consents": {"reorder": {"status": "given", "explicit": True, "notice_version": 2}},
    "channels": {"email": True},
    "mandates": [{"id": "m1", "covers": "*", "currency": "SEK", "max_price_minor": 10_000}],
}
CANDIDATE: dict[str, Any] = {
    "id": "c1",
    "programme": "refill",
    "strategy": "coach",
    "category": "health.otc",
    "sku": "p1",
    "channels": ["email"],
    "data": ["orders"],
    "quantity": 1,
    "price_minor": 10_000,
    "currency": "SEK",
}


def answer(
    now: str = "2027-06-01T12:00:00Z",
    state: dict[str, Any] | None = None,
    candidate: dict[str, Any] | None = None,
    **policy: Any,
) -> Decision:
    """The decision with some keys of the documents above replaced."""
    return evaluate(
        load_policy(deepcopy(POLICY) | policy),
        read_state(deepcopy(STATE) | (state or {})),
        read_candidate(deepcopy(CANDIDATE) | (candidate or {})),
        read_now(now),
    )


def brief(decision: Decision) -> list[Any]:
    """Outcome, rung, channel, not before; then the reasons as rung:code:on."""
    shape = decision.to_dict()
    head = [shape[key] for key in ("outcome", "strategy", "channel", "not_before")]
    return [*head, *(f"{r['strategy']}:{r['code']}:{r['on']}" for r in shape["reasons"])]


def channel(**email: Any) -> dict[str, Any]:
    return {**POLICY["channels"], "email": {"opt_in": True, **email}}


def quiet(start: str, end: str) -> dict[str, str]:
    return {"from": start, "to": end}


ALLOWED = ["allow", "coach", "email", None]


def test_all_is_well() -> None:
    assert brief(answer()) == ALLOWED
    assert brief(answer(candidate={"strategy": "automate"})) == ["allow", "automate", "email", None]


@pytest.mark.parametrize(
    ("birth_date", "now", "old_enough"),
    [
        ("2008-02-29", "2026-02-28T22:59:59Z", False),
        ("2008-02-29", "2026-02-28T23:00:00Z", True),  # midnight in Stockholm: 1 March
        ("2008-02-28", "2026-02-27T23:00:00Z", True),
        ("2010-02-28", "2028-02-27T22:59:59Z", False),
        ("2010-02-28", "2028-02-27T23:00:00Z", True),
        ("2009-06-01", "2027-05-31T21:59:59Z", False),
        ("2009-06-01", "2027-05-31T22:00:00Z", True),
    ],
)
def test_a_birthday_comes_with_the_date_where_the_subject_lives(
    birth_date: str, now: str, old_enough: bool
) -> None:
    decision = answer(now, {"birth_date": birth_date}, {"category": "alcohol", "fallback": False})
    assert brief(decision) == (
        ALLOWED if old_enough else ["deny", None, None, None, "coach:age_limit:alcohol"]
    )


def test_a_leap_day_birthday_on_a_leap_day() -> None:
    categories = {**POLICY["categories"], "alcohol": {"min_age": 16}}
    for now, old_enough in (("2028-02-28T22:59:59Z", False), ("2028-02-28T23:00:00Z", True)):
        decision = answer(now, {"birth_date": "2012-02-29"}, {"category": "alcohol"}, categories=categories)
        assert (brief(decision) == ALLOWED) is old_enough


@pytest.mark.parametrize(
    ("now", "hours", "until"),
    [
        # An ordinary night, over midnight; its first and last second.
        ("2027-06-01T19:00:00Z", quiet("21:00", "08:00"), "2027-06-02T06:00:00Z"),
        ("2027-06-01T18:59:59Z", quiet("21:00", "08:00"), None),
        ("2027-06-02T05:59:59Z", quiet("21:00", "08:00"), "2027-06-02T06:00:00Z"),
        ("2027-06-02T06:00:00Z", quiet("21:00", "08:00"), None),
        # Within one day, and none at all.
        ("2027-06-01T10:00:00Z", quiet("12:00", "13:30"), "2027-06-01T11:30:00Z"),
        ("2027-06-01T10:00:00Z", quiet("12:00", "12:00"), None),
        # Up to midnight.
        ("2027-06-01T21:30:00Z", quiet("23:00", "00:00"), "2027-06-01T22:00:00Z"),
        # Spring: 02:00 to 03:00 does not exist on 28 March 2027; the change is at 01:00 UTC.
        ("2027-03-27T23:30:00Z", quiet("22:00", "02:30"), "2027-03-28T01:00:00Z"),
        ("2027-03-27T23:30:00Z", quiet("22:00", "03:00"), "2027-03-28T01:00:00Z"),
        ("2027-03-27T23:30:00Z", quiet("22:00", "03:30"), "2027-03-28T01:30:00Z"),
        ("2027-03-28T00:59:59Z", quiet("22:00", "02:30"), "2027-03-28T01:00:00Z"),
        ("2027-03-28T00:59:59Z", quiet("02:00", "03:00"), None),
        ("2027-03-28T01:00:00Z", quiet("02:00", "03:00"), None),
        # Autumn: 02:00 to 03:00 comes twice on 31 October 2027; the change is at 01:00 UTC.
        ("2027-10-30T23:00:00Z", quiet("22:00", "02:30"), "2027-10-31T00:30:00Z"),
        ("2027-10-31T00:45:00Z", quiet("22:00", "02:30"), None),
        ("2027-10-31T01:15:00Z", quiet("22:00", "02:30"), "2027-10-31T01:30:00Z"),
        ("2027-10-31T00:45:00Z", quiet("02:30", "03:30"), "2027-10-31T01:00:00Z"),
        ("2027-10-31T01:30:00Z", quiet("02:30", "03:30"), "2027-10-31T02:30:00Z"),
        ("2027-10-30T23:30:00Z", quiet("01:00", "04:00"), "2027-10-31T03:00:00Z"),
    ],
)
def test_quiet_hours(now: str, hours: dict[str, str], until: str | None) -> None:
    expected = ALLOWED if until is None else ["defer", "coach", "email", until, "coach:quiet_hours:email"]
    assert brief(answer(now, channels=channel(quiet=hours))) == expected
    assert brief(answer(now, {"quiet": hours})) == expected


def test_quiet_hours_of_channel_and_subject_that_cover_the_day_drop_the_channel() -> None:
    channels = channel(quiet=quiet("08:00", "20:00"), caps=[{"count": 1, "hours": 24}])
    contacts = [{"at": "2027-06-01T11:00:00Z", "channel": "email"}]
    state = {"quiet": quiet("20:00", "08:00"), "contacts": contacts}
    denied = ["deny", None, None, None]
    reasons = ["coach:frequency_cap:email", "coach:quiet_hours:email"]
    alone = {"fallback": False}
    assert brief(answer(state=state, candidate=alone, channels=channels)) == denied + reasons
    # A cap that has just let go no longer holds.
    contacts[0]["at"] = "2027-05-31T12:00:00Z"
    assert brief(answer(state=state, candidate=alone, channels=channels)) == denied + reasons[1:]
    contacts[0]["at"] = "2027-06-01T11:00:00Z"
    # One minute left free is enough to wait for.
    state["quiet"] = quiet("20:00", "07:59")
    assert brief(answer(state=state, candidate=alone, channels=channels))[:4] == [
        *("defer", "coach", "email", "2027-06-03T05:59:00Z"),
    ]
    # Another channel is taken; then nothing is said of this one.
    state["quiet"] = quiet("20:00", "08:00")
    both = {"channels": ["email", "app"]}
    deferred = answer("2027-06-01T19:00:00Z", state, both, channels=channels)
    assert brief(deferred) == ["defer", "coach", "app", "2027-06-02T06:00:00Z", "coach:quiet_hours:app"]


def test_an_interval_is_a_hard_reason_once_where_no_channel_is_ever_free() -> None:
    channels = {name: {"opt_in": False, "quiet": quiet("08:00", "20:00")} for name in ("email", "app")}
    state = {
        "quiet": quiet("20:00", "08:00"),
        "mandates": [{**STATE["mandates"][0], "min_days_between": 7}],
        "orders": [{"at": "2027-05-30T12:00:00Z", "sku": "p1", "mandate": "m1", "amount_minor": 1}],
    }
    candidate = {"strategy": "automate", "fallback": False, "channels": ["email", "app"]}
    assert brief(answer(state=state, candidate=candidate, channels=channels))[4:] == [
        "automate:mandate_interval:m1",
        "automate:quiet_hours:app",
        "automate:quiet_hours:email",
    ]
    # One that has just ended is none.
    ended = {**state, "orders": [{**state["orders"][0], "at": "2027-05-25T12:00:00Z"}]}
    assert brief(answer(state=ended, candidate=candidate, channels=channels))[4:] == [
        "automate:quiet_hours:app",
        "automate:quiet_hours:email",
    ]


def test_a_count_of_zero_drops_a_channel_and_says_so_beside_a_refusal() -> None:
    channels = channel(caps=[{"count": 0, "hours": 24}])
    state = {"channels": {"email": False}, "max_per_week": 0}
    assert brief(answer(state=state, candidate={"fallback": False}, channels=channels)) == [
        *("deny", None, None, None),
        "coach:channel_refused:email",
        "coach:contact_limit:email",
        "coach:frequency_cap:email",
    ]
    # Caps do not count for a legal notice, nor for a programme without caps.
    automate = answer(state={"max_per_week": 0}, candidate={"strategy": "automate"}, channels=channels)
    assert brief(automate) == ["allow", "automate", "email", None]
    uncapped = {"refill": {**POLICY["programmes"]["refill"], "capped": False}}
    assert brief(answer(state={"max_per_week": 0}, channels=channels, programmes=uncapped)) == ALLOWED


def test_a_cap_lets_go_when_enough_contacts_have_left_the_window() -> None:
    channels = channel(caps=[{"count": 2, "hours": 24}])
    contacts = [
        {"at": at, "channel": "email"}
        for at in ("2027-06-01T06:00:00Z", "2027-06-01T09:00:00Z", "2027-06-01T11:00:00Z")
    ]
    # Three contacts and room for two: the second latest must leave, and the window is open at its start.
    deferred = answer(state={"contacts": contacts}, channels=channels)
    assert brief(deferred) == ["defer", "coach", "email", "2027-06-02T09:00:00Z", "coach:frequency_cap:email"]
    assert brief(answer("2027-06-02T08:59:59Z", {"contacts": contacts}, channels=channels))[0] == "defer"
    assert brief(answer("2027-06-02T09:00:00Z", {"contacts": contacts}, channels=channels)) == ALLOWED
    # A contact of this very second counts, a later one does not.
    for at, expected in (("12:00:00", "2027-06-02T12:00:00Z"), ("12:00:01", None)):
        one = channel(caps=[{"count": 1, "hours": 24}])
        contact = {"at": f"2027-06-01T{at}Z", "channel": "email"}
        assert brief(answer(state={"contacts": [contact]}, channels=one))[3] == expected
    # Another channel's contacts count for the caps over all, not for this one's.
    elsewhere = [{**contact, "channel": "fax"} for contact in contacts]
    assert brief(answer(state={"contacts": elsewhere}, channels=channels)) == ALLOWED
    overall = answer(state={"contacts": elsewhere}, contact_caps=[{"count": 3, "hours": 24}])
    assert brief(overall)[3:] == ["2027-06-02T06:00:00Z", "coach:frequency_cap:email"]
    own = answer(state={"contacts": elsewhere, "max_per_week": 1})
    assert brief(own)[3:] == ["2027-06-08T11:00:00Z", "coach:contact_limit:email"]


def test_a_wait_met_on_the_way_is_reported_and_one_passed_over_is_not() -> None:
    contacts = [{"at": "2027-06-01T10:00:00Z", "channel": "email"}]

    def deferred(hours: int) -> list[Any]:
        channels = channel(caps=[{"count": 1, "hours": hours}], quiet=quiet("21:00", "08:00"))
        return brief(answer(state={"contacts": contacts}, channels=channels))[3:]

    cap, night = "coach:frequency_cap:email", "coach:quiet_hours:email"
    assert deferred(10) == ["2027-06-02T06:00:00Z", cap, night]
    assert deferred(22) == ["2027-06-02T08:00:00Z", cap]


def test_the_channel_that_is_free_first_is_taken_and_of_equals_the_first_named() -> None:
    channels = {
        **channel(quiet=quiet("12:00", "18:00")),
        "sms": {"opt_in": False, "quiet": quiet("12:00", "16:00")},
    }
    named = {"channels": ["email", "sms"]}
    assert brief(answer(candidate=named, channels=channels))[2:] == [
        *("sms", "2027-06-01T14:00:00Z", "coach:quiet_hours:sms"),
    ]
    free = answer("2027-06-01T17:00:00Z", candidate={"channels": ["sms", "email"]}, channels=channels)
    assert brief(free) == ["allow", "coach", "sms", None]
    reachable = answer(candidate={"channels": ["email", "sms", "app"]}, channels=channels)
    assert brief(reachable) == ["allow", "coach", "app", None]


@pytest.mark.parametrize(
    ("expires_at", "outcome"), [("2027-06-02T06:00:00Z", "deny"), ("2027-06-02T06:00:01Z", "defer")]
)
def test_what_expires_before_its_channel_is_free_goes_down(expires_at: str, outcome: str) -> None:
    channels = channel(quiet=quiet("12:00", "08:00"))
    decision = brief(answer(candidate={"expires_at": expires_at}, channels=channels))
    assert decision[0] == outcome
    if outcome == "deny":
        assert decision[4:] == [
            f"{rung}:{code}"
            for rung in ("coach", "curate")
            for code in ("expires_first:None", "quiet_hours:email")
        ]


def test_a_candidate_ends_at_its_last_instant() -> None:
    now = "2027-06-01T12:00:00Z"
    assert brief(answer(now, candidate={"expires_at": now}))[4:] == ["None:candidate_expired:None"]
    assert brief(answer(now, candidate={"expires_at": "2027-06-01T12:00:01Z"})) == ALLOWED


def bucket(programme: str, strategy: str, subject: str) -> int:
    return int(sha256(f"{programme}:{strategy}:{subject}".encode()).hexdigest()[:16], 16) % 100


def test_a_pilot_takes_the_buckets_below_its_percentage() -> None:
    own = bucket("refill", "coach", "s1")

    def pilot(percent: int | None) -> list[Any]:
        entry = {"strategy": "coach", "stage": "pilot", "percent": percent}
        return brief(answer(candidate={"fallback": False}, rollout=[entry]))[4:]

    assert pilot(own) == ["coach:rollout_pilot:refill"]
    assert pilot(own + 1) == []
    assert pilot(None) == pilot(0) == ["coach:rollout_pilot:refill"]
    assert pilot(100) == []


def test_the_most_specific_rollout_entry_decides() -> None:
    def stage(*entries: dict[str, Any], category: str = "health.otc") -> list[str]:
        rollout = [{"strategy": "coach", **entry} for entry in entries]
        candidate = {"fallback": False, "category": category}
        return [r.code for r in answer(candidate=candidate, rollout=rollout).reasons]

    deep = {"category": "health.otc", "stage": "off"}
    assert stage(deep, {"programme": "refill", "category": "health", "stage": "live"}) == ["rollout_off"]
    assert stage({"category": "*", "stage": "off"}, {"category": "health", "stage": "live"}) == []
    assert stage({"programme": "refill", "stage": "shadow"}, {"stage": "live"}) == ["rollout_shadow"]
    assert stage({"stage": "off"}, {"stage": "live"}) == []
    assert stage({"category": None, "stage": "live"}, {"category": "*", "stage": "off"}) == ["rollout_off"]
    assert stage({"programme": "offers", "stage": "off"}) == []
    assert stage({"strategy": "curate", "stage": "off"}) == []
    assert stage({"category": "alcohol", "stage": "off"}) == []
    named = {"programme": "refill", "category": "*", "stage": "live"}
    assert stage({"category": "health", "stage": "off"}, named) == ["rollout_off"]
    # An entry may lie deeper than any category of the policy.
    deeper = {"category": "health.otc.cough", "stage": "off"}
    assert stage(deeper) == []
    assert stage(deeper, category="health.otc.cough.syrup") == ["rollout_off"]
    assert stage(deeper, category="health.otc.pain") == []


def mandate(id_: str, covers: str, **limits: Any) -> dict[str, Any]:
    return {"id": id_, "covers": covers, "currency": "SEK", "max_price_minor": 100_000, **limits}


@pytest.mark.parametrize(
    ("wide", "narrow"), [("*", "health"), ("health", "health.otc"), ("health.otc", "sku:p1"), ("*", "sku:p1")]
)
def test_the_narrowest_mandate_decides_alone(wide: str, narrow: str) -> None:
    candidate = {"strategy": "automate", "fallback": False}
    state = {"mandates": [mandate("a", wide), mandate("b", narrow, max_price_minor=1)]}
    assert brief(answer(state=state, candidate=candidate))[4:] == ["automate:mandate_price:b"]
    # Ended or deleted, it still decides: removing a narrow limit never lets a wide one serve.
    state = {
        "mandates": [
            mandate("a", wide),
            mandate("b", narrow, expires_at="2027-06-01T12:00:00Z", max_quantity=0),
        ]
    }
    assert brief(answer(state=state, candidate=candidate))[4:] == ["automate:mandate_expired:b"]
    state = {"mandates": [mandate("a", wide), mandate("b", narrow, expires_at="2027-06-01T12:00:01Z")]}
    assert brief(answer(state=state, candidate=candidate))[0] == "allow"


def test_of_equal_mandates_the_lowest_id_decides() -> None:
    pair = [mandate("m2", "health"), mandate("m10", "health", max_quantity=0)]
    candidate = {"strategy": "automate", "fallback": False}
    for mandates in (pair, pair[::-1]):
        reasons = brief(answer(state={"mandates": mandates}, candidate=candidate))[4:]
        assert reasons == ["automate:mandate_quantity:m10"]


def test_a_mandate_covers_by_steps_of_the_path() -> None:
    candidate = {"strategy": "automate", "fallback": False}
    for covers in ("health.ot", "heal", "health.otc.cough", "sku:p", "p1", "otc"):
        reasons = brief(answer(state={"mandates": [mandate("m1", covers)]}, candidate=candidate))[4:]
        assert reasons == ["automate:mandate_missing:p1"]


def test_every_limit_of_a_mandate() -> None:
    def reasons(
        quantity: int = 2,
        price: int = 500,
        currency: str = "SEK",
        now: str = "2027-06-01T12:00:00Z",
        **limits: Any,
    ) -> list[str]:
        candidate = {
            **{"strategy": "automate", "fallback": False},
            **{"quantity": quantity, "price_minor": price, "currency": currency},
        }
        orders = [
            {"at": at, "sku": "p1", "mandate": name, "amount_minor": 700}
            for at, name in (
                ("2027-05-31T12:00:00Z", "m1"),
                ("2027-05-31T12:00:01Z", "m1"),
                ("2027-05-31T18:00:00Z", "m2"),
                ("2027-05-31T19:00:00Z", None),
                ("2027-06-01T12:00:01Z", "m1"),
            )
        ]
        state = {"mandates": [mandate("m1", "*", **limits)], "orders": orders}
        return [reason.code for reason in answer(now, state, candidate).reasons]

    assert reasons(max_quantity=2) == []
    assert reasons(max_quantity=1) == ["mandate_quantity"]
    assert reasons(max_price_minor=1_000) == []
    assert reasons(max_price_minor=999) == ["mandate_price"]
    # The window is open at its start: the order of exactly a day ago has left it.
    assert reasons(max_spend_minor=1_700, spend_days=1) == []
    assert reasons(max_spend_minor=1_699, spend_days=1) == ["mandate_spend"]
    assert reasons(max_spend_minor=2_400, spend_days=2) == []
    assert reasons(max_spend_minor=2_399, spend_days=2) == ["mandate_spend"]
    # An order of this very second counts.
    second = "2027-06-01T12:00:01Z"
    assert reasons(max_spend_minor=1_700, spend_days=1, now=second) == []
    assert reasons(max_spend_minor=1_699, spend_days=1, now=second) == ["mandate_spend"]
    # In another currency amounts cannot be compared; the quantity can.
    limits = {"max_quantity": 1, "max_price_minor": 0, "max_spend_minor": 0, "spend_days": 1}
    assert reasons(currency="EUR", **limits) == ["mandate_currency", "mandate_quantity"]
    assert reasons(**limits) == ["mandate_price", "mandate_quantity", "mandate_spend"]


def test_the_interval_counts_from_the_last_order_of_this_sku_under_this_mandate() -> None:
    def waits(*orders: tuple[str, str, str]) -> list[Any]:
        state = {
            "mandates": [mandate("m1", "*", min_days_between=7)],
            "orders": [
                {"at": at, "sku": sku, "mandate": name, "amount_minor": 1} for at, sku, name in orders
            ],
        }
        return brief(answer(state=state, candidate={"strategy": "automate", "fallback": False}))

    free = ["allow", "automate", "email", None]
    last = ("2027-05-30T12:00:00Z", "p1", "m1")
    assert waits(("2027-05-20T12:00:00Z", "p1", "m1"), last) == [
        *("defer", "automate", "email", "2027-06-06T12:00:00Z", "automate:mandate_interval:m1")
    ]
    assert waits(("2027-05-25T12:00:00Z", "p1", "m1")) == free
    assert waits(("2027-06-01T12:00:00Z", "p1", "m1"))[3] == "2027-06-08T12:00:00Z"
    assert waits(("2027-05-25T12:00:01Z", "p1", "m1"))[3] == "2027-06-01T12:00:01Z"
    assert waits(("2027-05-30T12:00:00Z", "p2", "m1"), ("2027-05-30T12:00:00Z", "p1", "m2")) == free


def test_a_finer_now_is_rounded_up() -> None:
    expiring = {"expires_at": "2027-06-01T12:00:01Z"}
    for now in (
        "2027-06-01T12:00:00.000001Z",
        "2027-06-01T12:00:00.0000000001Z",
        "2027-06-01T14:00:00.9+02:00",
    ):
        assert brief(answer(now, candidate=expiring))[4:] == ["None:candidate_expired:None"]
    assert brief(answer("2027-06-01T12:00:00.000Z", candidate=expiring)) == ALLOWED
    policy, state = load_policy(POLICY), read_state(STATE)
    candidate = read_candidate(CANDIDATE | expiring)
    finer = datetime(2027, 6, 1, 14, 0, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    assert evaluate(policy, state, candidate, finer).outcome == "deny"
    with pytest.raises(ValueError, match="offset"):
        evaluate(policy, state, candidate, datetime(2027, 6, 1))  # noqa: DTZ001  # the point of the test


def test_a_deferred_instant_is_told_in_utc() -> None:
    decision = answer("2027-06-01T23:00:00+02:00", channels=channel(quiet=quiet("21:00", "08:00")))
    assert decision.not_before == datetime(2027, 6, 2, 6, tzinfo=UTC)
    assert decision.to_dict()["not_before"] == "2027-06-02T06:00:00Z"


def test_respond_asks_for_no_channel_no_pause_and_no_requires() -> None:
    state = {"paused_until": "2028-01-01T00:00:00Z", "channels": {"email": False}, "max_per_week": 0}
    candidate = {"strategy": "respond", "category": "ward", "channels": ["fax"]}
    assert brief(answer(state=state, candidate=candidate)) == ["allow", "respond", None, None]
    assert brief(answer(state=state, candidate={**candidate, "strategy": "curate"}))[4:] == [
        "curate:channel_unknown:fax",
        "curate:consent_missing:health",
        "curate:paused:None",
    ]


def test_no_fallback_reaches_respond_and_none_is_tried_without_leave() -> None:
    levels = {"levels": {"health": "respond"}}
    rungs = {reason.strategy for reason in answer(state=levels, candidate={"strategy": "automate"}).reasons}
    assert rungs == {Level.automate, Level.coach, Level.curate}
    alone = answer(state=levels, candidate={"strategy": "automate", "fallback": False})
    assert {reason.strategy for reason in alone.reasons} == {Level.automate}


def test_an_essential_programme_is_stopped_by_ladder_purposes_data_and_status_alone() -> None:
    state = {
        **{"paused_until": "2028-01-01T00:00:00Z", "channels": {"email": False}, "max_per_week": 0},
        **{"levels": {"*": "off"}, "flags": ["grief"], "quiet": quiet("00:00", "23:59"), "mandates": []},
    }
    policy = {
        "suppressions": {"grief": {"max": "off"}},
        "rollout": [{"strategy": "coach", "stage": "off"}],
        "categories": {"health": {"max": "off", "min_age": 99, "requires": ["health"]}},
    }

    def recall(**candidate: Any) -> list[Any]:
        return brief(answer(state=state, candidate={"programme": "recall", **candidate}, **policy))

    assert recall(channels=["fax", "email"]) == ["allow", "coach", "email", None]
    assert recall(strategy="automate") == ["allow", "automate", "email", None]
    assert recall(strategy="respond") == ["allow", "respond", None, None]
    assert recall(strategy="curate")[4:] == ["curate:strategy_not_offered:recall"]
    assert recall(channels=["fax", "post"])[4:] == [
        *("coach:channel_unknown:fax", "coach:channel_unknown:post", "curate:strategy_not_offered:recall"),
    ]
    assert "coach:data_not_in_purpose:ward" in recall(data=["ward"])
    assert "coach:data_unknown:bed" in recall(data=["bed"])


def test_automate_needs_no_opt_in_but_bows_to_a_refusal() -> None:
    automate = {"strategy": "automate", "fallback": False}
    assert brief(answer(state={"channels": {}}, candidate=automate)) == ["allow", "automate", "email", None]
    assert brief(answer(state={"channels": {}}, candidate={"fallback": False}))[4:] == [
        "coach:channel_not_opted_in:email"
    ]
    refused = answer(state={"channels": {"email": False}}, candidate=automate)
    assert brief(refused)[4:] == ["automate:channel_refused:email"]
    # Its notice keeps the quiet hours, and the pause stops it.
    night = answer(state={"quiet": quiet("12:00", "18:00")}, candidate=automate)
    assert brief(night)[3:] == ["2027-06-01T16:00:00Z", "automate:quiet_hours:email"]
    paused = answer(state={"paused_until": "2027-06-01T12:00:01Z"}, candidate=automate)
    assert brief(paused)[4:] == ["automate:paused:None"]
    assert brief(answer(state={"paused_until": "2027-06-01T12:00:00Z"})) == ALLOWED


@pytest.mark.parametrize(
    ("levels", "on", "remedy_on"),
    [
        ({"health.otc": "off", "health": "automate", "*": "automate"}, "health.otc", "health.otc"),
        ({"health": "off", "*": "automate"}, "health", "health"),
        ({"*": "curate", "alcohol": "automate", "health.otc.cough": "automate"}, "*", "health.otc"),
        ({"healt": "automate"}, "default", "health.otc"),
    ],
)
def test_the_nearest_level_decides(levels: dict[str, str], on: str, remedy_on: str) -> None:
    decision = answer(state={"levels": levels}, candidate={"fallback": False}, default_level="off")
    (reason,) = decision.to_dict()["reasons"]
    assert (reason["code"], reason["on"]) == ("control_level", on)
    assert reason["remedy"] == {"do": "raise_level", "on": remedy_on, "to": "coach"}


@pytest.mark.parametrize(
    ("consent", "code"),
    [
        (None, "consent_missing"),
        *(({"status": status}, "consent_missing") for status in ("unknown", "requested", "deferred")),
        ({"status": "refused"}, "consent_refused"),
        ({"status": "withdrawn"}, "consent_withdrawn"),
        ({"status": "revoked"}, "consent_invalidated"),
        ({"status": "invalidated"}, "consent_invalidated"),
        ({"status": "expired"}, "consent_expired"),
        ({"status": "given", "expires_at": "2027-06-01T12:00:00Z"}, "consent_expired"),
        ({"status": "given", "expires_at": "2027-06-01T12:00:01Z"}, "consent_outdated"),
        ({"status": "given", "explicit": True, "notice_version": 1}, "consent_outdated"),
        ({"status": "given", "explicit": True}, "consent_outdated"),
        ({"status": "given", "notice_version": 2}, "consent_not_explicit"),
        ({"status": "given", "notice_version": 2, "explicit": True}, None),
        ({"status": "given", "notice_version": 3, "explicit": True}, None),
    ],
)
def test_the_first_fault_of_a_consent_is_told(consent: dict[str, Any] | None, code: str | None) -> None:
    consents = {} if consent is None else {"reorder": consent}
    decision = answer(state={"consents": consents}, candidate={"strategy": "automate", "fallback": False})
    remedy = {"do": "give_consent", "on": "reorder", "explicit": True}
    expected = (
        [] if code is None else [{"strategy": "automate", "code": code, "on": "reorder", "remedy": remedy}]
    )
    assert decision.to_dict()["reasons"] == expected


def test_an_objection_stands_beside_a_missing_consent() -> None:
    candidate = {"programme": "offers", "strategy": "curate"}
    for objection in ("offers", "direct_marketing"):
        decision = answer(state={"objections": [objection]}, candidate=candidate).to_dict()
        assert [(r["code"], r["remedy"]) for r in decision["reasons"]] == [
            ("consent_missing", {"do": "give_consent", "on": "offers", "explicit": False}),
            ("data_not_shared", {"do": "share_data", "on": "orders"}),
            ("objected", {"do": "lift_objection", "on": "offers"}),
        ]
    # Nobody objects to a contract.
    assert brief(answer(state={"objections": ["deliver", "direct_marketing"]})) == ALLOWED


def test_a_duty_that_covers_data_needs_no_sharing() -> None:
    assert brief(answer(state={"sharing": {"orders": False}})) == ALLOWED
    offers = {"programme": "offers", "strategy": "curate", "data": ["orders", "ward", "bed", "orders"]}
    assert brief(answer(state={"consents": {"offers": {"status": "given"}}}, candidate=offers))[4:] == [
        "curate:data_not_in_purpose:ward",
        "curate:data_not_shared:orders",
        "curate:data_unknown:bed",
    ]


def test_what_a_programme_uses_is_read_whatever_the_caller_says() -> None:
    uses = {"offers": {**POLICY["programmes"]["offers"], "uses": ["orders"]}}
    candidate = {"programme": "offers", "strategy": "curate", "data": []}
    state = {"consents": {"offers": {"status": "given"}}}
    assert brief(answer(state=state, candidate=candidate, programmes=uses))[4:] == [
        "curate:data_not_shared:orders"
    ]


def test_a_suppression_counts_for_its_programmes_and_above_its_rung() -> None:
    def codes(**suppression: Any) -> list[str]:
        decision = answer(
            state={"flags": ["grief", "grief"]},
            candidate={"fallback": False},
            suppressions={"grief": suppression},
        )
        return brief(decision)[4:]

    assert codes(max="curate") == ["coach:suppressed:grief"]
    assert codes(max="coach") == []
    assert codes(max="off", programmes=["offers"]) == []
    assert codes(max="off", programmes=["offers", "refill"]) == ["coach:suppressed:grief"]


def test_first_matches_deny_at_once_in_their_order() -> None:
    gone = {"programme": "gone", "category": "gone", "expires_at": "2027-01-01T00:00:00Z"}
    assert brief(answer(state={"status": "erased"}, candidate=gone))[4:] == ["None:subject_erased:None"]
    assert brief(answer(state={"status": "restricted"}, candidate=gone))[4:] == [
        "None:processing_restricted:None"
    ]
    assert brief(answer(candidate=gone))[4:] == ["None:programme_unknown:gone"]
    assert brief(answer(candidate={**gone, "programme": None}))[4:] == ["None:programme_unknown:None"]
    assert brief(answer(candidate={**gone, "programme": "refill"}))[4:] == ["None:candidate_expired:None"]
    for category in ("gone", None, "*", "healthy", "."):
        decision = answer(candidate={"category": category}, categories={**POLICY["categories"], "*": {}})
        assert brief(decision)[4:] == [f"None:category_unknown:{category}"]


def test_a_category_inherits_from_every_prefix() -> None:
    categories = {
        "*": {"max": "curate", "min_age": 15, "requires": ["offers"]},
        "health": {"max": "respond", "requires": ["health", "offers"]},
        "health.otc": {"max": "automate", "min_age": 18},
    }
    candidate = {"category": "health.otc.cough", "fallback": False}
    assert brief(answer(candidate=candidate, categories=categories))[4:] == [
        "coach:age_unknown:*",
        "coach:age_unknown:health.otc",
        "coach:category_limit:*",
        "coach:category_limit:health",
        "coach:consent_missing:health",
        "coach:consent_missing:offers",
    ]


def test_a_state_built_by_hand_that_cannot_be_read_is_refused() -> None:
    policy, candidate = load_policy(POLICY | {"channels": channel(quiet=quiet("21:00", "08:00"))}), CANDIDATE
    now = datetime(2027, 6, 1, tzinfo=UTC)
    state = State(subject="s1", status="active", timezone="Mars/Olympus", channels={"email": True})
    for strategy in ("coach", "respond"):
        with pytest.raises(InputRefused, match="/timezone: unknown time zone"):
            evaluate(policy, state, read_candidate(candidate | {"strategy": strategy}), now)
    for quiet_ in (Quiet("21", "08:00"), Quiet("21:00", "25:00")):
        state = State(subject="s1", status="active", quiet=quiet_)
        with pytest.raises(InputRefused, match="/quiet: not a time"):
            evaluate(policy, state, read_candidate(candidate), now)


def test_an_interval_of_one_sku_holds_back_no_other_in_the_same_call() -> None:
    state = {
        "mandates": [mandate("m1", "*", min_days_between=7)],
        "orders": [{"at": "2027-05-30T12:00:00Z", "sku": "p1", "mandate": "m1", "amount_minor": 1}],
    }
    held, free = (read_candidate({**CANDIDATE, "strategy": "automate", "sku": sku}) for sku in ("p1", "p2"))
    for candidates in ([held, free, held], [free, held, free]):
        decisions = evaluate_all(
            load_policy(POLICY), read_state(STATE | state), candidates, read_now("2027-06-01T12:00:00Z")
        )
        assert [d.outcome for d in decisions] == ["defer" if c is held else "allow" for c in candidates]


def test_a_policy_remembers_nothing_that_a_person_or_a_caller_brings() -> None:
    policy, now = load_policy(POLICY), read_now("2027-06-01T12:00:00Z")

    def ask(name: str) -> None:
        state = {
            **{"levels": {f"health.{name}": "off"}, "flags": [name], "channels": {name: False}},
            **{"mandates": [mandate(name, "*", max_quantity=0)], "consents": {name: {"status": "given"}}},
        }
        for strategy in ("respond", "automate"):
            candidate = {
                **{"strategy": strategy, "channels": [name], "data": [name], "sku": name},
                "category": f"health.{name}",
            }
            decision = evaluate(policy, read_state(STATE | state), read_candidate(CANDIDATE | candidate), now)
            assert decision.reasons

    ask("first")
    known = set(policy.reasons)
    ask("second")
    assert set(policy.reasons) == known
    assert not any("first" in str(key) for key in policy.reasons)
    # Paths are remembered, but not without end.
    for number in range(20_100):
        policy.ladders["refill", f"health.{number}"] = None
    ask("third")
    assert len(policy.ladders) < 10
