"""What may follow what, for every pair of states; the table here is written by hand."""

from __future__ import annotations

import pytest

from service.consent_states import ALLOWED, ConsentState, state_after, state_of
from service.policy import CONSENT_STATUSES

U, Q, D, N, G, R, E, W, V, I = ConsentState  # noqa: E741 (one letter each keeps the table a table)

# A row for each state: what may come next. `.` is no, `x` is yes.
TABLE = """
      U Q D N G R E W V I
    U . x x x x . . x . .
    Q . x x x x . . x . .
    D . x x x x . . x . .
    N . x x x x . . x . .
    G . . x x . x x x x x
    R . . x x . x x x x x
    E . x x x . x . x x x
    W . . x x x . . x . x
    V . x x x x . . x . x
    I . x x x x . . x . .
"""
STATES = dict(zip("UQDNGREWVI", ConsentState, strict=True))
ROWS = {row.split()[0]: row.split()[1:] for row in TABLE.strip().splitlines()[1:]}
PAIRS = [
    (STATES[before], after, mark == "x")
    for before, marks in ROWS.items()
    for after, mark in zip(ConsentState, marks, strict=True)
]


@pytest.mark.parametrize(("before", "after", "allowed"), PAIRS)
def test_every_pair_of_states(before: ConsentState, after: ConsentState, allowed: bool) -> None:
    assert (after in ALLOWED[before]) is allowed


def test_the_table_is_whole() -> None:
    assert len(PAIRS) == 100
    assert set(ALLOWED) == set(ConsentState)


@pytest.mark.parametrize("before", ConsentState)
def test_a_no_is_never_turned_away_and_permits_nothing(before: ConsentState) -> None:
    for status in ("refused", "withdrawn"):
        after = state_after(before, status)
        assert after is not None
        assert not after.permits


@pytest.mark.parametrize("before", ConsentState)
def test_only_a_yes_leads_to_permission(before: ConsentState) -> None:
    permitting = {s for s in CONSENT_STATUSES if (after := state_after(before, s)) and after.permits}
    assert permitting == {"given"}


def test_a_yes_on_top_of_a_yes_renews_it() -> None:
    assert {before for before in ConsentState if state_after(before, "given") is R} == {G, R, E}


def test_nobody_forgets_and_the_unheard_of_is_unknown() -> None:
    assert all(state_after(before, "unknown") is None for before in ConsentState)
    assert state_of("maybe") is U
    assert {state_of(status) for status in CONSENT_STATUSES} == set(ConsentState) - {R}
    assert state_of("outdated") is E
    assert G.iri == "https://w3id.org/dpv#ConsentGiven"


def test_only_what_was_agreed_can_be_revoked_or_expire() -> None:
    assert {before for before in ConsentState if V in ALLOWED[before]} == {G, R, E}
    assert {before for before in ConsentState if E in ALLOWED[before]} == {G, R}
    assert {before for before in ConsentState if I in ALLOWED[before]} == {G, R, E, W, V}
    assert {Q, D, N} <= ALLOWED[I]
