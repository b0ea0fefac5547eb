"""The checker finds nothing in what a right service leaves behind, and finds every kind of broken promise."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.faults import barrier_rule, handover_rule, progress_rule, write_rule
from tests.faults.checker import check
from tests.faults.history import REFUSED, UNKNOWN, Arrival, Operation, read_operations
from tests.faults.imagined import EVENTS, SETTING, SUBJECT, TOPIC, Imagined

# Beyond one tick, so that neighbouring operations overlap; below two, so that not all of them do.
_SPANS = st.floats(0.01, 1.6, allow_nan=False)
_STORIES = st.lists(st.tuples(st.sampled_from(EVENTS), _SPANS, _SPANS), max_size=60)


def broken(operations: list[Operation], arrivals: list[Arrival] = [], ended: float = 1000.0) -> list[str]:  # noqa: B006
    return [v.rule for v in check(operations, arrivals, ended=ended, settle=10.0).violations]


def write(at: float, value: str, *, epoch: int | None = None, **more: Any) -> Operation:
    given = value == "given"
    defaults: dict[str, Any] = {
        "client": "customer",
        "name": "write",
        "subject": SUBJECT,
        "invoked": at,
        "answered": at + 1,
        "setting": SETTING,
        "value": value,
        "permits": (TOPIC,) if given else (),
        "forbids": () if given else (TOPIC,),
        "raises": epoch is not None,
        "epoch": epoch,
    }
    return Operation(**defaults | more)


def unanswered(at: float, value: str) -> Operation:
    return write(at, value, answered=None, outcome=UNKNOWN)


def read(at: float, value: str, epoch: int, **more: Any) -> Operation:
    said = {"name": "read", "permits": (), "forbids": (), "raises": False}
    return write(at, value, epoch=epoch, **said | more)


def arrival(at: float, key: str = "msg_1", **more: Any) -> Arrival:
    defaults: dict[str, Any] = {"subject": SUBJECT, "kind": "reminder", "topics": (TOPIC,), "digest": "d"}
    return Arrival(key=key, arrived=at, **defaults | more)


def told(name: str, value: str, answer: str, at: float = 20.0, **more: Any) -> Operation:
    times = {"client": "shop", "subject": SUBJECT, "invoked": at, "answered": at + 1}
    return Operation(name=name, value=value, told=answer, **times | more)


# What a right service leaves behind


@given(_STORIES)
@settings(max_examples=300, deadline=None)
def test_finds_nothing_in_a_right_history(story: Any) -> None:
    service = Imagined()
    service.play(story)
    assert broken(service.operations, service.arrivals, service.now) == []


def test_finds_the_relay_that_decides_before_it_takes_the_lock() -> None:
    found = {True: 0, False: 0}
    for locked in found:
        for seed in range(200):
            rng = Random(seed)
            service = Imagined(locked=locked)
            story = [rng.choice(EVENTS[:6]) for _ in range(200)]
            service.play([(event, rng.uniform(0.01, 1.6), rng.uniform(0.01, 1.6)) for event in story])
            rules = broken(service.operations, service.arrivals, service.now)
            assert set(rules) <= {barrier_rule.ARRIVED}
            found[locked] += bool(rules)
    assert found[True] == 0
    assert found[False] > 5


@given(_STORIES, st.data())
@settings(max_examples=200, deadline=None)
def test_finds_a_change_that_was_answered_and_then_forgotten(story: Any, data: st.DataObject) -> None:
    service = Imagined()
    service.play(story)
    done = [op for op in service.operations if op.name == "write" and op.epoch is not None]
    assume(done)
    last = done[-1]
    assume(not any(op.outcome == UNKNOWN for op in service.operations))
    other = "withdrawn" if last.value == "given" else "given"
    late = read(service.now + 10, other, last.epoch or 0)
    assert write_rule.LOST in broken([*service.operations, late])


@given(_STORIES)
@settings(max_examples=100, deadline=None)
def test_a_history_reads_back_as_it_was_written(story: Any) -> None:
    service = Imagined()
    service.play(story)
    lines = [json.dumps(asdict(operation)) for operation in service.operations]
    assert read_operations(lines) == service.operations


# The barrier


def test_an_arrival_after_the_answer_is_a_violation() -> None:
    assert broken([write(1, "given"), write(5, "withdrawn")], [arrival(7)]) == [barrier_rule.ARRIVED]


def test_an_arrival_while_the_answer_was_under_way_is_none() -> None:
    assert broken([write(1, "given"), write(5, "withdrawn")], [arrival(5.5)]) == []


def test_a_listed_arrival_is_none_by_key_or_by_another_name() -> None:
    for listed in ("msg_1", "ord_1"):
        history = [write(1, "given"), write(5, "withdrawn", irrevocable=(listed,))]
        assert broken(history, [arrival(9, names=("ord_1",))]) == []


def test_what_one_answer_listed_another_must_list_too() -> None:
    history = [
        write(1, "given"),
        write(5, "withdrawn", irrevocable=("msg_1",)),
        write(7, "off", setting="level:*"),
    ]
    assert broken(history, [arrival(9)]) == [barrier_rule.ARRIVED]


def test_what_was_cancelled_must_not_arrive_even_when_permitted_again() -> None:
    history = [write(1, "given"), write(5, "withdrawn", cancelled=("msg_1",)), write(7, "given")]
    assert broken(history, [arrival(9)]) == [barrier_rule.CANCELLED]


def test_what_was_cancelled_must_not_have_arrived_before_either() -> None:
    history = [write(1, "given"), write(5, "withdrawn", cancelled=("msg_1",))]
    assert broken(history, [arrival(3)]) == [barrier_rule.CANCELLED]


def test_what_was_tried_in_vain_stands_in_both_lists_and_may_arrive() -> None:
    both = write(5, "withdrawn", cancelled=("msg_1", "ord_1"), irrevocable=("msg_1",))
    assert broken([write(1, "given"), both], [arrival(9, names=("ord_1",))]) == []
    assert broken([write(1, "given"), both], [arrival(9, "msg_2", names=("ord_1",))]) == [
        barrier_rule.CANCELLED
    ]


def test_a_reminder_may_have_come_before_its_order_was_cancelled() -> None:
    history = [write(1, "given"), write(5, "withdrawn", cancelled=("ord_1",))]
    assert broken(history, [arrival(3, names=("ord_1",))]) == []
    assert broken(history, [arrival(9, names=("ord_1",))]) == [barrier_rule.CANCELLED]


def test_a_later_permission_opens_it_even_unanswered() -> None:
    closed = [write(1, "given"), write(5, "withdrawn")]
    assert broken([*closed, write(7, "given")], [arrival(9)]) == []
    assert broken([*closed, unanswered(7, "given")], [arrival(9)]) == []
    assert broken([*closed, unanswered(10, "given")], [arrival(9)]) == [barrier_rule.ARRIVED]
    assert broken([*closed, write(7, "given", outcome=REFUSED)], [arrival(9)]) == [barrier_rule.ARRIVED]
    assert broken([*closed, write(7, "given", setting="level:*")], [arrival(9)]) == [barrier_rule.ARRIVED]


def test_a_permission_that_overlapped_counts_unless_the_epochs_say_that_it_came_first() -> None:
    long = {"invoked": 4.0, "answered": 8.0}
    assert broken([write(4, "given", **long), write(5, "withdrawn")], [arrival(9)]) == []
    history = [write(4, "given", epoch=2, **long), write(5, "withdrawn", epoch=3)]
    assert broken(history, [arrival(9)]) == [barrier_rule.ARRIVED]
    history = [write(4, "given", epoch=3, **long), write(5, "withdrawn", epoch=2)]
    assert broken(history, [arrival(9)]) == []


def test_only_the_topics_that_were_closed_are_closed() -> None:
    assert broken([write(5, "withdrawn")], [arrival(9, topics=("recall",))]) == []
    assert broken([write(5, "withdrawn")], [arrival(9, subject="sub_2")]) == []


def test_what_is_sent_again_after_the_answer_arrived_before_it() -> None:
    assert broken([write(1, "given"), write(5, "withdrawn")], [arrival(3), arrival(9)]) == []


def test_a_permit_is_redeemed_before_the_answer_or_listed_or_not_at_all() -> None:
    closed = [write(1, "given"), write(5, "withdrawn", irrevocable=("prm_2",))]
    late = told("redeem", "prm_1", "redeemed", at=5.5, topics=(TOPIC,))
    assert broken([*closed, late]) == [barrier_rule.ARRIVED]
    assert broken([*closed, replace(late, value="prm_2")]) == []
    assert broken([*closed, replace(late, invoked=3.0, answered=4.0)]) == []
    assert broken([*closed, replace(late, told="refused")]) == []


def test_what_waits_although_it_is_forbidden() -> None:
    look = told("waiting", "", "", at=8.0, topics=(TOPIC,), listed=("ord_1",))
    closed = [write(1, "given"), write(5, "withdrawn")]
    assert broken([*closed, look]) == [barrier_rule.STILL_WAITS]
    assert broken([*closed, replace(look, invoked=5.5)]) == []
    assert broken([*closed, replace(look, listed=())]) == []
    assert broken([*closed, write(8.5, "given"), look]) == []


# Writes


def test_a_lost_write_shows_in_a_read() -> None:
    assert broken([write(1, "given", epoch=2), read(5, "withdrawn", 2)]) == [write_rule.LOST]
    assert broken([write(1, "given", epoch=2), read(5, "given", 2)]) == []


def test_a_read_of_an_earlier_place_is_held_to_that_place() -> None:
    history = [write(1, "given", epoch=2), write(3, "withdrawn", epoch=3, answered=9.0)]
    assert broken([*history, read(4, "given", 2)]) == []
    assert broken([*history, read(4, "withdrawn", 2)]) == [write_rule.LOST]


def test_a_write_that_was_never_answered_may_have_happened() -> None:
    history = [write(1, "given", epoch=2), unanswered(3, "withdrawn")]
    assert broken([*history, read(5, "withdrawn", 3)]) == []
    assert broken([*history, read(5, "given", 2)]) == []
    assert broken([*history, read(5, "refused", 3)]) == [write_rule.LOST]
    assert broken([write(1, "given", epoch=2), read(5, "withdrawn", 3), unanswered(9, "withdrawn")]) == [
        write_rule.LOST
    ]


def test_a_merge_leaves_nothing_to_compare_until_the_next_write() -> None:
    merge = write(3, "", epoch=4, name="blur", setting="")
    history = [write(1, "given", epoch=2), merge]
    assert broken([*history, read(5, "withdrawn", 4)]) == []
    later = [*history, write(5, "given", epoch=5)]
    assert broken([*later, read(7, "withdrawn", 5)]) == [write_rule.LOST]


def test_epochs_follow_the_clock_and_are_given_once() -> None:
    assert broken([write(1, "given", epoch=3), write(5, "withdrawn", epoch=2)]) == [write_rule.BACKWARDS]
    overlapping = [write(1, "given", epoch=3), write(1.5, "withdrawn", epoch=2)]
    assert broken(overlapping) == []
    shared = [write(1, "given", epoch=2), write(1.5, "withdrawn", epoch=2)]
    assert broken(shared) == [write_rule.SHARED]
    assert broken([write(1, "given", epoch=3), read(5, "given", 2)]) == [write_rule.BACKWARDS]


def test_a_stored_signal_is_known_when_it_comes_again() -> None:
    first = told("signal", "sig_1", "stored", at=1.0)
    assert broken([first, told("signal again", "sig_1", "stored")]) == [write_rule.SIGNAL_LOST]
    assert broken([first, told("signal again", "sig_1", "duplicate")]) == []
    assert broken([first, told("signal again", "sig_1", "refused")]) == []
    assert broken([replace(first, outcome=UNKNOWN, told=""), told("signal again", "sig_1", "stored")]) == []


# Hand-overs


def test_one_key_has_one_content_and_comes_once_where_nobody_can_tell() -> None:
    assert broken([], [arrival(1), arrival(2)]) == []
    assert broken([], [arrival(1), arrival(2, digest="e")]) == [handover_rule.CHANGED]
    assert broken([], [arrival(1, once=True), arrival(2, once=True)]) == [handover_rule.TWICE]


def test_one_cycle_has_one_order() -> None:
    order = {"kind": "order", "goods": "cream", "cycle": "c1"}
    assert broken([], [arrival(1, "a", **order), arrival(2, "b", **order)]) == [handover_rule.TWO_ORDERS]
    assert broken([], [arrival(1, "a", **order), arrival(2, "a", **order)]) == []
    assert broken([], [arrival(1, "a", **order), arrival(2, "b", **order | {"cycle": "c2"})]) == []
    assert broken([], [arrival(1, "a", **order), arrival(2, "b", **order | {"goods": "soap"})]) == []


def test_a_permit_is_redeemed_once() -> None:
    once = told("redeem", "prm_1", "redeemed", topics=(TOPIC,))
    assert broken([once, replace(once, told="used")]) == []
    assert broken([once, replace(once, invoked=30.0)]) == [handover_rule.REDEEMED_TWICE]


# What must come


DUE = Operation(
    client="shop", name="due", subject=SUBJECT, invoked=3, answered=4, topics=(TOPIC,), value="cream"
)


def test_what_is_due_and_allowed_comes() -> None:
    assert broken([write(1, "given"), DUE]) == [progress_rule.NEVER]
    assert broken([write(1, "given"), DUE], [arrival(9, goods="cream")]) == []
    assert broken([write(1, "given"), DUE], [arrival(9, goods="soap")]) == [progress_rule.NEVER]


@pytest.mark.parametrize(
    "excuse",
    [
        write(6, "withdrawn"),
        unanswered(6, "withdrawn"),
        write(6, "", name="blur", setting=""),
        write(6, "given", cancelled=("ord_1",)),
        write(6, "off", setting="level:*"),
        write(995, "given"),
    ],
    ids=lambda operation: operation.words(),
)
def test_it_need_not_come_when_something_excuses_it(excuse: Operation) -> None:
    assert broken([write(1, "given"), DUE, excuse]) == []


def test_it_need_not_come_before_there_was_time() -> None:
    assert broken([write(1, "given"), DUE], ended=12.0) == []
    assert broken([DUE]) == []


def test_it_comes_when_what_closed_it_was_opened_again() -> None:
    history = [write(1, "given"), DUE, write(6, "withdrawn"), write(8, "given")]
    assert broken(history) == [progress_rule.NEVER]


def test_an_acknowledged_job_ends_whole() -> None:
    job = told("job", "job_1", "")
    assert broken([job]) == [progress_rule.JOB_LOST]
    assert broken([job, told("job ended", "job_1", "running", at=50)]) == [progress_rule.JOB_LOST]
    assert broken([job, told("job ended", "job_1", "done", at=50)]) == []
    assert broken([replace(job, outcome=UNKNOWN)]) == []


def test_a_violation_is_told_in_words() -> None:
    verdict = check([write(1, "given"), write(5, "withdrawn", epoch=7)], [arrival(9)], ended=10.0, settle=1.0)
    text = str(verdict.violations[0])
    assert text.startswith(
        "forbidden arrival: remind was forbidden by consent:reminders before msg_1 arrived"
    )
    assert "[customer] write consent:reminders withdrawn of sub_1 (done, 5.000 to 6.000, epoch 7)" in text
    assert "reminder msg_1 for sub_1 (arrived 9.000)" in text
