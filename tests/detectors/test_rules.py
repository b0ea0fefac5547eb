"""What detectors find: tables of cases, and what holds for every history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.detectors import Found, Part, Seen, SeenRunOut, Verdict, look_for, regular_products
from service.policy.detectors import Detector, Measure, Proposal

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RULES: dict[str, dict[str, Any]] = {
    "run_out": {"within_days": 7},
    "lapsed": {"times": 2.5},
    "moved_on": {"times": 1},
    "dissatisfied": {"rating": {"nps": 6, "csat": 2}, "within_days": 30},
    "likely_to_leave": {"weights": {"lapsed": 40, "moved_on": 30, "dissatisfied": 40}, "threshold": 70},
}
TYPES = {
    "dissatisfied": ("rating", "returned", "complaint_opened"),
    "likely_to_leave": ("purchase", "rating", "returned", "complaint_opened"),
}
DETECTORS = {
    name: Detector(
        name=name,
        rule=name,
        purpose="tips",
        data=("purchases",),
        types=TYPES.get(name, ("purchase",)),
        stage="live",
        percent=0,
        cooldown="P30D",
        settings=settings,
        proposes=Proposal("marketing", "curate", None, None),
        measure=Measure(("purchase",), 30, absent=False),
    )
    for name, settings in RULES.items()
}


def bought(sku: str, *days_ago: float, category: str = "beauty") -> list[Seen]:
    return [Seen(NOW - timedelta(days=days), "purchase", sku, category) for days in days_ago]


def look(name: str, seen: list[Seen], run_outs: tuple[SeenRunOut, ...] = (), now: datetime = NOW) -> Verdict:
    return look_for(DETECTORS, name, seen, run_outs, now)


EVERY_30 = (160, 130, 100)


@pytest.mark.parametrize(
    ("days_ago", "found", "again"),
    [
        # 2.5 times 30 days after the last purchase is 75 days.
        ((135, 105, 75), True, None),
        ((134, 104, 74), False, 1),
        ((160, 130, 100), True, None),
        # Two days of purchase are no rhythm, and neither are two receipts of one day.
        ((130, 100), False, None),
        ((100, 99.99, 99.98), False, None),
        ((), False, None),
        # The median does not mind one long pause.
        ((300, 130, 100, 70, 40), False, 35),
    ],
)
def test_lapsed(days_ago: tuple[float, ...], found: bool, again: int | None) -> None:
    verdict = look("lapsed", bought("soap", *days_ago))
    assert bool(verdict.found) is found
    assert verdict.look_again == (None if again is None else NOW + timedelta(days=again))


def test_lapsed_says_by_which_numbers() -> None:
    [found] = look("lapsed", bought("soap", *EVERY_30)).found
    assert found == Found(
        NOW - timedelta(days=100), "soap", "beauty", (Part("no_purchase", "soap", 100, 30),)
    )


@pytest.mark.parametrize(
    ("others", "found"),
    [
        (bought("gel", 60), True),
        # Bought before as well: nothing new.
        (bought("gel", 60, 200), False),
        (bought("gel", 60, category="health.otc"), False),
        # Before the last purchase.
        (bought("gel", 110), False),
        ([], False),
    ],
)
def test_moved_on(others: list[Seen], found: bool) -> None:
    verdict = look("moved_on", [*bought("soap", *EVERY_30), *others])
    assert [each.sku for each in verdict.found] == (["soap"] if found else [])
    if found:
        assert verdict.found[0].parts[1] == Part("bought_instead", "gel", 60)


def test_somebody_who_is_not_overdue_has_not_moved_on_yet() -> None:
    verdict = look("moved_on", [*bought("soap", 70, 40, 10), *bought("gel", 5)])
    assert verdict == Verdict((), NOW + timedelta(days=20))


def said(kind: str, days_ago: float, metric: str | None = None, score: int | None = None) -> Seen:
    return Seen(NOW - timedelta(days=days_ago), kind, metric=metric, score=score)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (said("rating", 3, "nps", 6), True),
        (said("rating", 3, "nps", 7), False),
        (said("rating", 3, "csat", 2), True),
        (said("rating", 3, "csat", 3), False),
        (said("rating", 3, "stars", 0), False),
        (said("returned", 3), True),
        (said("complaint_opened", 3), True),
        (said("rating", 31, "nps", 0), False),
        (said("complaint_closed", 3), False),
        (said("rating", -1, "nps", 0), False),
    ],
)
def test_dissatisfied(seen: Seen, found: bool) -> None:
    assert bool(look("dissatisfied", [seen]).found) is found


def test_run_out() -> None:
    near = SeenRunOut("soap", "beauty", NOW - timedelta(days=25), NOW + timedelta(days=5))
    far = SeenRunOut("gel", "beauty", NOW - timedelta(days=2), NOW + timedelta(days=20))
    verdict = look("run_out", [], (near, far))
    assert verdict.found == (Found(near.anchor, "soap", "beauty", (Part("run_out", "soap", 5),)),)
    assert verdict.look_again == NOW + timedelta(days=13)


@pytest.mark.parametrize(
    ("seen", "parts"),
    [
        ([*bought("soap", *EVERY_30), said("rating", 3, "nps", 2)], {"lapsed": 40, "dissatisfied": 40}),
        ([*bought("soap", *EVERY_30), *bought("gel", 60)], {"lapsed": 40, "moved_on": 30}),
        # 40 alone does not reach 70.
        (bought("soap", *EVERY_30), None),
        ([said("rating", 3, "nps", 2)], None),
    ],
)
def test_likely_to_leave_adds_up_and_says_what(seen: list[Seen], parts: dict[str, int] | None) -> None:
    found = look("likely_to_leave", seen).found
    if parts is None:
        assert found == ()
        return
    assert {part.what: part.weight for part in found[0].parts} == parts
    assert found[0].sku is None


def test_only_its_own_types_are_looked_at() -> None:
    """A return is in the signals that are readable for another detector; this one does not read it."""
    detectors = {"d": replace(DETECTORS["dissatisfied"], types=("rating",))}
    assert look_for(detectors, "d", [said("returned", 1)], (), NOW).found == ()


histories = st.lists(
    st.builds(
        lambda days, sku: Seen(NOW - timedelta(days=days), "purchase", sku, "beauty"),
        st.integers(-50, 400),
        st.sampled_from(("soap", "gel", "balm")),
    ),
    max_size=30,
)


@given(histories, st.sampled_from(("lapsed", "moved_on", "likely_to_leave")), st.randoms())
def test_the_order_of_signals_and_the_future_mean_nothing(seen: list[Seen], name: str, dice: Any) -> None:
    shuffled = list(seen)
    dice.shuffle(shuffled)
    past = [each for each in seen if each.at <= NOW]
    assert {f.sku for f in look(name, shuffled).found} == {f.sku for f in look(name, past).found}


@given(histories, st.sampled_from(("lapsed", "moved_on")))
def test_nothing_changes_before_the_time_to_look_again(seen: list[Seen], name: str) -> None:
    """The scan sleeps until then, so nothing may become true in between."""
    past = [each for each in seen if each.at <= NOW]
    verdict = look(name, past)
    found = {each.sku for each in verdict.found}
    again = verdict.look_again
    if again is None:
        assert {each.sku for each in look(name, past, now=NOW + timedelta(days=5000)).found} == found
    else:
        assert again > NOW
        assert {each.sku for each in look(name, past, now=again - timedelta(seconds=1)).found} == found
        assert {each.sku for each in look(name, past, now=again).found} > found


@given(histories)
def test_what_is_found_is_regular_and_begins_at_its_last_purchase(seen: list[Seen]) -> None:
    for found in look("lapsed", seen).found:
        assert found.sku in regular_products(seen, NOW)
        assert found.anchor == max(s.at for s in seen if s.sku == found.sku and s.at <= NOW)
