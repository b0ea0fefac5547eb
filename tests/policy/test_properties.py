"""What must always hold (decision.md), one test or more for each line of it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from service.policy import (
    WAITS,
    Decision,
    InputRefused,
    Level,
    Outcome,
    effective_level,
    evaluate,
    evaluate_all,
    holds,
    load_policy,
    read_candidate,
    read_now,
    read_state,
)
from tests.policy.generators import (
    CATEGORIES,
    CHANNELS,
    DATA,
    FLAGS,
    LEVELS,
    PURPOSES,
    Case,
    Dice,
    active_cases,
    around,
    cases,
    chance,
    make_candidate,
    make_mandate,
    make_quiet,
    randoms,
    show,
)

FEW = settings(max_examples=60, derandomize=True, deadline=None)
MANY = settings(max_examples=250, derandomize=True, deadline=None)


def decide(case: Case) -> Decision:
    return evaluate(case.policy, case.state, case.candidate, case.now)


def permitted(decision: Decision) -> Level:
    """The permitted rung; a deferred one is permitted, later."""
    return Level.off if decision.strategy is None else decision.strategy


# The shape of the output


@MANY
@given(cases)
def test_output_has_the_shape_of_the_specification(case: Case) -> None:
    decision, asked = decide(case), case.candidate
    shape = json.loads(json.dumps(decision.to_dict()))
    assert list(shape) == ["candidate", "outcome", "strategy", "channel", "not_before", "reasons"]
    assert shape["candidate"] == asked.id

    keys = [(r.strategy, r.code, r.on) for r in decision.reasons]
    assert len(keys) == len(set(keys))
    order = [
        (r.strategy is not None, -(r.strategy or 0), r.code, r.on is not None, r.on or "")
        for r in decision.reasons
    ]
    assert order == sorted(order)

    assert (decision.outcome is Outcome.deny) == (decision.strategy is None)
    assert (decision.outcome is Outcome.defer) == (decision.not_before is not None)
    assert (decision.channel is None) == (decision.strategy in (None, Level.respond))
    assert decision.channel is None or decision.channel in asked.channels
    if decision.not_before is not None:
        assert decision.not_before > case.now
        assert shape["not_before"].endswith("Z")
        assert asked.expires_at is None or asked.expires_at > decision.not_before
    if decision.outcome is Outcome.allow:
        assert decision.strategy is asked.strategy
        assert decision.reasons == ()
    if decision.outcome is Outcome.downgrade:
        assert decision.strategy is not None
        assert Level.curate <= decision.strategy < asked.strategy
        assert asked.fallback
    if decision.outcome is Outcome.deny:
        assert decision.reasons


@MANY
@given(active_cases)
def test_rungs_passed_over_are_blocked_and_nothing_is_said_of_lower_ones(case: Case) -> None:
    decision, asked = decide(case), case.candidate
    if any(reason.strategy is None for reason in decision.reasons):
        return
    lowest = min(asked.strategy, Level.curate) if asked.fallback else asked.strategy
    last = lowest if decision.strategy is None else decision.strategy
    passed = [level for level in Level if last < level <= asked.strategy]
    if decision.strategy is None or decision.outcome is Outcome.defer:
        passed.append(last)
    assert {reason.strategy for reason in decision.reasons} == set(passed)
    for level in passed:
        codes = {reason.code for reason in decision.reasons if reason.strategy is level}
        if decision.outcome is Outcome.defer and level is last:
            assert codes <= WAITS
        elif "expires_first" in codes:
            assert codes - {"expires_first"} <= WAITS
            assert len(codes) > 1
        else:
            # A wait stands as a hard reason only where its channel is never free.
            assert codes - {"mandate_interval", "quiet_hours"}, codes


# Closed by default


@FEW
@given(active_cases)
def test_what_is_unknown_never_permits(case: Case) -> None:
    def outcome(**changes: Any) -> Outcome:
        changed = case.copy()
        changed.candidate_document.update(changes)
        return decide(changed).outcome

    assert evaluate(case.policy, None, case.candidate, case.now).outcome is Outcome.deny
    assert outcome(programme="unheard") is Outcome.deny
    assert outcome(programme=None) is Outcome.deny
    assert outcome(category="unheard.of") is Outcome.deny
    assert outcome(category=None) is Outcome.deny
    assert outcome(category="*") is Outcome.deny
    assert outcome(data=["unheard"]) is Outcome.deny
    if case.candidate.strategy is not Level.respond:
        assert outcome(channels=["unheard"]) is Outcome.deny
    assert not holds(case.policy, case.state, "unheard", case.now)


@FEW
@given(active_cases)
def test_an_unknown_status_never_permits(case: Case) -> None:
    # Such a state is refused by the reader; one built by hand must not slip through either.
    state = case.state
    assert state is not None
    for status in ("", "pending", "ACTIVE"):
        object.__setattr__(state, "status", status)
        assert evaluate(case.policy, state, case.candidate, case.now).outcome is Outcome.deny
        assert not any(holds(case.policy, state, purpose, case.now) for purpose in PURPOSES)


@FEW
@given(active_cases, randoms)
def test_an_unknown_consent_status_is_no_consent(case: Case, rng: Dice) -> None:
    state = case.state
    assert state is not None
    for consent in state.consents.values():
        object.__setattr__(consent, "status", rng.choice(("", "Given", "granted")))
    for name in state.consents:
        assert not holds(case.policy, state, name, case.now)


@FEW
@given(active_cases)
def test_a_flag_that_the_policy_does_not_name_has_no_effect(case: Case) -> None:
    assert case.state_document is not None
    changed = case.copy()
    assert changed.state_document is not None
    changed.state_document["flags"] = [*case.state_document.get("flags", []), "unheard"]
    assert decide(changed) == decide(case)


@MANY
@given(cases, randoms)
def test_a_broken_document_is_refused_or_read_and_nothing_else(case: Case, rng: Dice) -> None:
    """Any value may stand anywhere: the reader refuses, or what it read can be decided."""
    junk = (None, True, 0, -1, 1.5, "", "x", "\ud800", [], [None], {}, {"": 1}, 10**30, "2027-01-01T00:00:00")
    document = rng.choice((case.state_document, case.candidate_document))
    if document is None:
        return
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and chance(rng, 70):
            place = place[key]
            continue
        place[key] = rng.choice(junk)
        break
    try:
        state, candidate = case.state, case.candidate
    except InputRefused as refusal:
        faults = refusal.faults
    else:
        faults = None
        json.dumps(evaluate(case.policy, state, candidate, case.now).to_dict())
    assert faults is None or (faults and all(fault.path[:1] in ("", "/") for fault in faults))


# Monotone: each kind of change named in decision.md, and some of the same sort


def withdraw(rng: Dice, state: dict[str, Any], _case: Case) -> None:
    consents = state.setdefault("consents", {})
    if consents:
        consents[rng.choice(list(consents))]["status"] = rng.choice(("withdrawn", "refused", "revoked"))


def let_consent_end(rng: Dice, state: dict[str, Any], case: Case) -> None:
    consents = state.setdefault("consents", {})
    if consents:
        consents[rng.choice(list(consents))]["expires_at"] = show(case.now)


def object_to(rng: Dice, state: dict[str, Any], _case: Case) -> None:
    state["objections"] = [*state.get("objections", []), rng.choice((*PURPOSES, "direct_marketing"))]


def lower_level(rng: Dice, state: dict[str, Any], case: Case) -> None:
    before = case.state
    assert before is not None
    key = rng.choice((*CATEGORIES[1:], "health.otc.cough.syrup"))
    level, _ = effective_level(case.policy, before, key)
    state.setdefault("levels", {})[key] = rng.choice(LEVELS[: level + 1])


def unshare(rng: Dice, state: dict[str, Any], _case: Case) -> None:
    state.setdefault("sharing", {})[rng.choice(DATA)] = False


def add_flag(rng: Dice, state: dict[str, Any], _case: Case) -> None:
    state["flags"] = [*state.get("flags", []), rng.choice(FLAGS)]


def lower_contact_limit(rng: Dice, state: dict[str, Any], _case: Case) -> None:
    before = state.get("max_per_week")
    state["max_per_week"] = rng.randrange(4) if before is None else max(0, before - 1)


def refuse_channel(rng: Dice, state: dict[str, Any], _case: Case) -> None:
    state.setdefault("channels", {})[rng.choice(CHANNELS)] = False


def pause(rng: Dice, state: dict[str, Any], case: Case) -> None:
    until = max(state.get("paused_until") or "", around(rng, case.now, 24))
    state["paused_until"] = until


def tighten_mandate(rng: Dice, state: dict[str, Any], _case: Case) -> None:
    for mandate in state.get("mandates", [])[:1]:
        limit = rng.choice(("max_price_minor", "max_quantity", "max_spend_minor", "min_days_between"))
        before = mandate[limit]
        if limit == "min_days_between":
            mandate[limit] = (before or 0) + rng.choice((1, 7))
        else:
            mandate[limit] = rng.randrange(3) if before is None else before // 2
        if mandate["max_spend_minor"] is not None:
            mandate["spend_days"] = (mandate["spend_days"] or 1) + rng.choice((0, 30))


def end_mandate(rng: Dice, state: dict[str, Any], case: Case) -> None:
    # A deleted mandate stays as an expired one.
    if state.get("mandates"):
        mandate = rng.choice(state["mandates"])
        mandate["expires_at"] = min(mandate["expires_at"] or show(case.now), show(case.now))


CHANGES = (
    withdraw,
    let_consent_end,
    object_to,
    lower_level,
    unshare,
    add_flag,
    lower_contact_limit,
    refuse_channel,
    pause,
    tighten_mandate,
    end_mandate,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@settings(max_examples=120, derandomize=True, deadline=None)
@given(case=active_cases, rng=randoms)
def test_a_change_that_forbids_never_raises_the_permitted_rung(
    change: Callable[[Dice, dict[str, Any], Case], None], case: Case, rng: Dice
) -> None:
    changed = case.copy()
    assert changed.state_document is not None
    change(rng, changed.state_document, case)
    before, after = decide(case), decide(changed)
    assert permitted(after) <= permitted(before)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(active_cases, randoms)
def test_a_cap_or_quiet_time_added_to_the_policy_never_raises_the_permitted_rung(
    case: Case, rng: Dice
) -> None:
    changed = case.copy()
    cap = {"count": rng.randrange(3), "hours": rng.choice((1, 24, 168))}
    channel = changed.policy_document["channels"][rng.choice(CHANNELS)]
    match rng.choice(("channel", "all", "quiet")):
        case "channel":
            channel["caps"].append(cap)
        case "all":
            changed.policy_document["contact_caps"].append(cap)
        case _ if channel["quiet"] is None:
            channel["quiet"] = make_quiet(rng)
    assert permitted(decide(changed)) <= permitted(decide(case))


# Sound remedies


def apply_remedy(state: dict[str, Any], remedy: dict[str, Any], case: Case) -> None:
    policy, on = case.policy, remedy["on"]
    match remedy["do"]:
        case "lift_objection":
            also = {"direct_marketing"} if policy.purposes[on].direct_marketing else set()
            state["objections"] = [name for name in state["objections"] if name not in {on, *also}]
        case "give_consent":
            assert remedy["explicit"] is policy.purposes[on].explicit
            state.setdefault("consents", {})[on] = {
                "status": "given",
                "explicit": remedy["explicit"],
                "notice_version": policy.purposes[on].min_notice_version,
            }
        case "share_data":
            state.setdefault("sharing", {})[on] = True
        case "raise_level":
            state.setdefault("levels", {})[on] = remedy["to"]
        case "resume":
            state["paused_until"] = None
        case "opt_in":
            state.setdefault("channels", {})[on] = True
        case "raise_contact_limit":
            assert on is None
            state["max_per_week"] = 1_000
        case "set_mandate":
            kept = [mandate for mandate in state.get("mandates", []) if mandate["covers"] != f"sku:{on}"]
            wide = {"id": "wide", "covers": f"sku:{on}", "currency": "SEK", "max_price_minor": 10**9}
            state["mandates"] = [*kept, wide]
        case other:
            raise AssertionError(other)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(active_cases)
def test_applying_every_remedy_of_a_rung_frees_it_of_hard_blockers(case: Case) -> None:
    for strategy in ("respond", "curate", "coach", "automate"):
        tried = case.copy()
        tried.candidate_document |= {"strategy": strategy, "fallback": False, "expires_at": None}
        reasons = decide(tried).to_dict()["reasons"]
        if not reasons or any(reason["remedy"] is None for reason in reasons):
            continue
        assert tried.state_document is not None
        for reason in reasons:
            apply_remedy(tried.state_document, reason["remedy"], tried)
        after = decide(tried)
        assert after.outcome in (Outcome.allow, Outcome.defer), after.to_dict()


# One meaning


@FEW
@given(active_cases, randoms)
def test_one_a_batch_and_any_order_give_the_same_answers(case: Case, rng: Dice) -> None:
    policy, state = case.policy, case.state
    candidates = [read_candidate(make_candidate(rng, case.now)) for _ in range(12)] + [case.candidate] * 2
    alone = [evaluate(load_policy(case.policy_document), state, each, case.now) for each in candidates]
    assert evaluate_all(policy, state, candidates, case.now) == alone
    # The policy has compiled what it needed by now, and must answer as before.
    assert evaluate_all(policy, state, candidates[::-1], case.now) == alone[::-1]
    assert [
        evaluate(pickle.loads(pickle.dumps(policy)), state, each, case.now) for each in candidates
    ] == alone


@FEW
@given(cases)
def test_the_order_in_which_a_state_lists_things_has_no_effect(case: Case) -> None:
    if case.state_document is None:
        return
    turned = case.copy()
    turned.state_document = {
        key: value[::-1]
        if isinstance(value, list)
        else dict(reversed(value.items()))
        if isinstance(value, dict)
        else value
        for key, value in reversed(case.state_document.items())
    }
    assert decide(turned) == decide(case)


@FEW
@given(active_cases)
def test_contacts_and_orders_later_than_now_are_ignored(case: Case) -> None:
    now, later = case.now, case.copy()
    assert later.state_document is not None
    for key, entry in (
        ("contacts", {"channel": "email", "programme": "news"}),
        ("orders", {"sku": "p1", "mandate": "m0", "amount_minor": 10**6}),
    ):
        late = [{**entry, "at": show(now + timedelta(seconds=seconds))} for seconds in (1, 3600)]
        later.state_document[key] = [*later.state_document.get(key, []), *late]
    assert decide(later) == decide(case)


@FEW
@given(active_cases)
def test_what_lies_before_the_longest_window_is_not_needed(case: Case) -> None:
    state, shorter = case.state, case.copy()
    assert state is not None
    assert shorter.state_document is not None
    since = case.now - case.policy.longest_window(state.mandates)
    for key in ("contacts", "orders"):
        entries = shorter.state_document.get(key, [])
        shorter.state_document[key] = [entry for entry in entries if read_now(entry["at"]) > since]
    assert decide(shorter) == decide(case)


@FEW
@given(active_cases)
def test_deciding_changes_none_of_its_inputs(case: Case) -> None:
    state, candidate, before = case.state, case.candidate, case.copy()
    first = evaluate(case.policy, state, candidate, case.now)
    assert (read_state(before.state_document), before.candidate) == (state, candidate)
    assert case.policy_document == before.policy_document
    assert evaluate(case.policy, state, candidate, case.now) == first


@FEW
@given(active_cases, randoms)
def test_the_narrowest_mandate_alone_decides(case: Case, rng: Dice) -> None:
    """A wider mandate added to a narrower one changes nothing, even where the narrow one forbids."""
    case.candidate_document |= {"strategy": "automate", "fallback": False, "sku": "p1"}
    assert case.state_document is not None
    narrow = {**make_mandate(rng, 1, case.now), "covers": "sku:p1"}
    case.state_document["mandates"] = [narrow]
    wider = case.copy()
    assert wider.state_document is not None
    wide = {**make_mandate(rng, 0, case.now), "id": "m00", "covers": rng.choice(("*", "health"))}
    wider.state_document["mandates"] = [wide, narrow]
    assert decide(wider) == decide(case)
