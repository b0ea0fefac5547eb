"""Two subjects become one person, and nothing becomes permitted by it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ConflictError, SubjectErasedError
from service.policy import Level, effective_level, holds, load_policy
from service.storage.choices import Activity, Choices, StoredConsent
from service.storage.identifiers import read_identifiers
from service.storage.requests import read_steps
from service.storage.subjects import Subject, read_events, read_subject
from service.use_cases.advance_request import fulfil_request, verify_request
from service.use_cases.change_preferences import change_preferences
from service.use_cases.file_request import file_request
from service.use_cases.mandate_history import mandate_history
from service.use_cases.merge_subjects import merge_subjects, merged_choices
from service.use_cases.put_mandate import PutMandate, put_mandate
from service.use_cases.read_signals import disclose_signals
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.store_signals import NewSignal, store_signals
from tests.use_cases.conftest import NOW, Acting

GIVEN = RecordConsent("given", Notice(2, "sv"), origin="app", purpose="personal_offers")


@pytest.fixture
def double(acting: Acting) -> UUID:
    """The same person, registered a second time at another till."""
    with acting("shop") as unit:
        return register_subject(
            unit,
            RegisterSubject([Identifier("customer_number", "7")], "sv", "SE", "Europe/Stockholm"),
        ).id


def test_identifiers_signals_and_history_move(acting: Acting, aino: UUID, double: UUID) -> None:
    complaint = NewSignal(double, "complaint_opened", NOW, {}, "c1")
    with acting("shop") as unit:
        assert store_signals(unit, [complaint])[0].status == "stored"
    with acting("customer", double) as unit:
        record_consent(unit, double, GIVEN)
    with acting("dpo") as unit:
        before = read_subject(unit, double).epoch
        changed = merge_subjects(unit, double, aino)
    assert changed.epoch > before
    with acting("dpo") as unit:
        subject = read_subject(unit, aino)
        assert {(i.type, i.value) for i in read_identifiers(unit, subject)} == {
            ("email", "aino.virtanen@example.fi"),
            ("customer_number", "7"),
        }
        assert [signal.id for signal in disclose_signals(unit, subject)] == ["c1"]
        merge = read_events(unit, subject)[-1].payload
        assert [event["kind"] for event in merge["history"]][-1] == "consent"
        assert subject.state(NOW).flags == {"open_complaint"}
        # Only one of the two gave it.
        assert not holds(unit.policy, subject.state(NOW), "personal_offers", NOW)
        with pytest.raises(SubjectErasedError):
            read_subject(unit, double)


def test_mandates_end(acting: Acting, aino: UUID, double: UUID) -> None:
    terms = PutMandate("health.otc", "SEK", 9900, "Beställning förenad med betalningsskyldighet", "sv")
    for person in (aino, double):
        with acting("customer", person) as unit:
            put_mandate(unit, person, "man_1", terms)
    with acting("dpo") as unit:
        merge_subjects(unit, double, aino)
        mandates = read_subject(unit, aino).state(NOW).mandates
    assert len({mandate.id for mandate in mandates}) == 2
    assert all(mandate.expires_at == NOW for mandate in mandates)
    # Each keeps its own history, although both had chosen the same id.
    with acting("customer", aino) as unit:
        told = {mandate.id: mandate_history(unit, aino, mandate.id) for mandate in mandates}
    assert [[step["does"] for step in steps] for steps in told.values()] == [["concluded", "ended"]] * 2
    assert len({steps[0]["event"] for steps in told.values()}) == 2
    assert all(steps[0]["evidence"]["button"] for steps in told.values())


def test_erasing_the_one_erases_the_other(acting: Acting, aino: UUID, double: UUID) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, double, "erasure")
        verify_request(unit, request.id, "signed letter")
        merge_subjects(unit, double, aino)
        assert [s["reason"] for s in read_steps(unit, read_subject(unit, aino), request)] == [
            "filed",
            "signed letter",
        ]
        fulfil_request(unit, request.id, "asked")
        assert unit.db.execute("select count(*) from keys.data_keys").fetchone() == (0,)


@pytest.mark.parametrize("restricted", ["source", "target"])
def test_a_restriction_of_either_stays(acting: Acting, aino: UUID, double: UUID, restricted: str) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, double if restricted == "source" else aino, "restriction")
        verify_request(unit, request.id, "showed her card")
        fulfil_request(unit, request.id, "contested")
        merge_subjects(unit, double, aino)
        assert read_subject(unit, aino).status == "restricted"


def test_a_subject_is_not_merged_into_itself_or_a_gone_one(acting: Acting, aino: UUID, double: UUID) -> None:
    with acting("dpo") as unit:
        with pytest.raises(ConflictError):
            merge_subjects(unit, aino, aino)
        merge_subjects(unit, double, aino)
        with pytest.raises(SubjectErasedError):
            merge_subjects(unit, aino, double)


def test_sharing_and_channels_stay_on_only_where_both_had_them(
    acting: Acting, aino: UUID, double: UUID
) -> None:
    patches: dict[UUID, dict[str, Any]] = {
        aino: {"sharing": {"purchases": True, "usage": True}, "channels": {"app": False}},
        double: {"sharing": {"purchases": True}, "channels": {"app": True}},
    }
    for person, patch in patches.items():
        with acting("customer", person) as unit:
            change_preferences(unit, person, patch)
    with acting("dpo") as unit:
        merge_subjects(unit, double, aino)
        choices = read_subject(unit, aino).choices
    assert choices.sharing == {"purchases": True, "usage": False}
    assert choices.channels == {"app": False}


POLICY = load_policy(
    {
        "format": "samtycke-policy/1",
        "default_level": "respond",
        "purposes": {"p": {"basis": "consent", "data": ["d"]}},
        "data": {"d": {"sharing": "choice"}},
        "programmes": {"g": {"ladder": {"curate": ["p"]}}},
        "categories": {"*": {}, "a": {}, "a.b": {}, "a.b.c": {}, "x": {}},
        "channels": {"app": {"opt_in": False}},
        "contact_caps": [],
        "suppressions": {},
        "rollout": [],
    }
)
LEVELS = st.dictionaries(
    st.sampled_from(["*", "a", "a.b", "a.b.c", "x"]), st.sampled_from([level.name for level in Level])
)
CONSENTS = st.dictionaries(
    st.just("p"),
    st.builds(
        StoredConsent,
        status=st.sampled_from(["given", "refused", "withdrawn", "requested"]),
        since=st.just(NOW - timedelta(days=1)),
        expires_at=st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
    ),
)
CHOICES = st.builds(Choices, levels=LEVELS, consents=CONSENTS)


@given(CHOICES, CHOICES)
def test_the_merged_person_permits_what_both_permitted_and_no_more(a: Choices, b: Choices) -> None:
    first, second = (Subject(UUID(int=n), "active", 1, 0, None, c, Activity()) for n, c in ((1, a), (2, b)))
    states = [first.state(NOW), second.state(NOW)]
    second.choices = merged_choices(POLICY, first, second, NOW)
    merged = second.state(NOW)
    for category in ("a", "a.b", "a.b.c", "a.b.c.d", "x", "y"):
        expected = min(effective_level(POLICY, state, category)[0] for state in states)
        assert effective_level(POLICY, merged, category)[0] == expected
    assert holds(POLICY, merged, "p", NOW) == all(holds(POLICY, state, "p", NOW) for state in states)


def test_of_two_birth_dates_the_younger_counts() -> None:
    first = Subject(UUID(int=1), "active", 1, 0, None, Choices(birth_date=date(2010, 1, 1)), Activity())
    second = Subject(UUID(int=2), "active", 1, 0, None, Choices(birth_date=date(1980, 1, 1)), Activity())
    assert merged_choices(POLICY, first, second, datetime(2026, 1, 1, tzinfo=UTC)).birth_date == date(
        2010, 1, 1
    )
