"""Run-outs in sight become proposals only as far as the person's choices permit, once, and stop with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.bootstrap import Services
from service.errors import UnreadableError
from service.policy import Outcome
from service.storage.choices import StoredMandate
from service.storage.decisions import read_decision_id, read_decisions
from service.storage.reorders import NewReorder, Reorder, move_reorder, read_reorders
from service.storage.subjects import lock_subject, read_subject, save_choices
from service.storage.unit import Unit
from service.use_cases import foresee_run_outs, propose_reorders
from service.use_cases.answer_reorder import approve_reorder
from service.use_cases.change_preferences import change_preferences
from service.use_cases.expire_reorders import UNANSWERED
from service.use_cases.have_plenty import have_plenty
from service.use_cases.list_reorders import list_reorders
from service.use_cases.plenty import rests_until
from service.use_cases.propose_reorders import Scanned
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.snooze_reorder import snooze_reorder
from service.use_cases.store_signals import NewSignal, store_signals
from tests.use_cases.conftest import NOW, Acting

REMINDERS, AUTOMATIC = "replenishment_reminders", "automatic_reorder"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["signals"] |= {
        "stopped_using": {"data": "usage"},
        "returned": {"data": "purchases"},
    }
    # The pilot draws lots by subject; these tests are about everything else.
    policy_document["rollout"] = []
    return policy_document


@pytest.fixture(autouse=True)
def catalogue(acting: Acting) -> None:
    goods = {
        "soap": ("beauty", 30, 1.0, False, False, 2),
        "lens": ("health.otc", 30, 1.0, False, False, None),
        "cough": ("health.otc.cough", 20, 2.0, True, False, None),
        "insulin": ("health.rx", 30, 1.0, False, True, None),
    }
    with acting("shop") as unit:
        for sku, (category, pack, usual, as_needed, prescription, limit) in goods.items():
            unit.db.execute(
                "insert into products (sku, category, name, pack_size, usual_per_day, price_minor, currency,"
                " as_needed, prescription, limit_per_order, updated_at)"
                " values (%s, %s, %s, %s, %s, 500, 'SEK', %s, %s, %s, now())",
                (sku, category, sku.title(), pack, usual, as_needed, prescription, limit),
            )


def choose(acting: Acting, subject: UUID, **patch: Any) -> None:
    with acting("customer", subject) as unit:
        change_preferences(unit, subject, patch, None)


def answer(acting: Acting, subject: UUID, purpose: str, status: str = "given") -> list[dict[str, Any]]:
    with acting("customer", subject) as unit:
        command = RecordConsent(status, Notice(2, "sv"), "app", purpose=purpose, explicit=True)
        return record_consent(unit, subject, command).changed.cancelled


def mandate(acting: Acting, subject: UUID) -> None:
    with acting("customer", subject) as unit:
        found = lock_subject(unit, subject)
        found.choices.mandates = [StoredMandate("man_1", "*", "SEK", 10_000, NOW)]
        save_choices(unit, found)


@pytest.fixture
def coached(acting: Acting, aino: UUID) -> UUID:
    """Shares purchases and usage, and wants to be reminded."""
    choose(acting, aino, sharing={"purchases": True, "usage": True}, levels={"*": "coach"})
    answer(acting, aino, REMINDERS)
    return aino


@pytest.fixture
def automatic(acting: Acting, coached: UUID) -> UUID:
    """Wants everything automatic, with a mandate."""
    choose(acting, coached, levels={"*": "automate"})
    answer(acting, coached, AUTOMATIC)
    mandate(acting, coached)
    return coached


def tell(acting: Acting, subject: UUID, *signals: tuple[str, datetime, dict[str, Any]]) -> None:
    new = [NewSignal(subject, kind, at, data, f"{kind}-{at}-{data['sku']}") for kind, at, data in signals]
    with acting("shop") as unit:
        assert {result.status for result in store_signals(unit, new)} == {"stored"}


def buy(acting: Acting, subject: UUID, sku: str, *days_ago: float, quantity: int = 1) -> None:
    data = {"sku": sku, "quantity": quantity, "price_minor": 500, "currency": "SEK"}
    tell(acting, subject, *(("purchase", NOW - timedelta(days=days), data) for days in days_ago))


def scan(acting: Acting, at: datetime = NOW, limit: int = 50) -> Scanned:
    with acting("system", at=at) as unit:
        return propose_reorders.propose_reorders(unit, limit)


def reorders(acting: Acting, subject: UUID) -> list[Reorder]:
    with acting("system") as unit:
        return read_reorders(unit, read_subject(unit, subject))


def due(acting: Acting, subject: UUID) -> datetime | None:
    with acting("system") as unit:
        row = unit.db.execute("select forecast_due from subjects where id = %s", (subject,)).fetchone()
    assert row is not None
    found: datetime | None = row[0]
    return found


REGULAR = (145, 116, 87, 58, 29)


def test_a_reminder_for_whoever_wants_reminders(acting: Acting, services: Services, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR, quantity=3)
    assert scan(acting) == Scanned(looked=1, proposed=1)
    [reorder] = reorders(acting, coached)
    details = reorder.details
    assert details is not None
    assert (reorder.state, details.strategy, details.channel, details.name) == (
        "proposed",
        "coach",
        "app",
        "Soap",
    )
    # The catalogue's limit per order binds already here.
    assert details.candidate.quantity == 2
    assert details.candidate.data == ("purchases",)
    row, index = read_decision_id(details.decision)
    with services.database.connection() as db:
        record = read_decisions(db, services.keyring, row).record
    decision = record.decision(index)
    assert decision.outcome is Outcome.downgrade
    assert record.candidates[index].id == decision.candidate
    assert {reason["code"] for reason in details.reasons} == {
        "consent_missing",
        "control_level",
        "mandate_missing",
    }
    # Nobody answers: it is ended two weeks after the need.
    assert details.run_out is not None
    expires = due(acting, coached)
    assert expires is not None
    assert timedelta(0) <= expires - (details.run_out.latest + UNANSWERED) < timedelta(hours=1)


def test_automatic_for_whoever_wants_it_automatic(acting: Acting, automatic: UUID) -> None:
    buy(acting, automatic, "soap", *REGULAR)
    assert scan(acting).proposed == 1
    with acting("customer", automatic) as unit:
        [shown] = list_reorders(unit, read_subject(unit, automatic))
    assert shown["strategy"] == "automate"
    assert shown["reasons"] == []
    assert shown["run_out"]["earliest"] < shown["run_out"]["median"] < shown["run_out"]["latest"]
    assert shown["history"] == [
        {"at": "2026-11-22T09:00:00Z", "state": "proposed", "actor": "system", "reason": "run_out"}
    ]


def test_an_uncertain_forecast_reminds_and_never_ships(acting: Acting, automatic: UUID) -> None:
    buy(acting, automatic, "soap", 60, 30)
    assert scan(acting).proposed == 1
    [reorder] = reorders(acting, automatic)
    assert reorder.details is not None
    assert reorder.details.strategy == "coach"
    assert reorder.details.reasons == []


def test_twice_equals_once(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    assert scan(acting).proposed == 1
    with acting("system") as unit:
        unit.db.execute("update subjects set forecast_due = %s", (NOW,))
    assert scan(acting) == Scanned(looked=1)
    assert len(reorders(acting, coached)) == 1
    assert scan(acting) == Scanned()


def test_a_run_out_further_away_is_looked_at_when_it_is_near(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", 121, 91, 61, 31, 1)
    assert scan(acting) == Scanned(looked=1)
    again = due(acting, coached)
    assert again is not None
    assert again > NOW + timedelta(days=3)
    assert (again.minute, again.second) == (0, 0)
    assert scan(acting, at=again - timedelta(seconds=1)) == Scanned()
    assert scan(acting, at=again) == Scanned(looked=1, proposed=1)


@pytest.mark.parametrize(
    ("levels", "purposes"),
    [({"*": "coach"}, ()), ({"*": "curate"}, (REMINDERS,)), ({}, (REMINDERS, AUTOMATIC))],
)
def test_nothing_is_opened_that_is_not_permitted(
    acting: Acting,
    aino: UUID,
    monkeypatch: pytest.MonkeyPatch,
    levels: dict[str, str],
    purposes: tuple[str, ...],
) -> None:
    choose(acting, aino, sharing={"purchases": True}, levels=levels)
    for purpose in purposes:
        answer(acting, aino, purpose)
    buy(acting, aino, "soap", *REGULAR)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a signal was read")

    monkeypatch.setattr(foresee_run_outs, "read_signals_of", forbidden)
    assert scan(acting) == Scanned(looked=1)
    assert due(acting, aino) is None
    # The change of choices wakes the scan.
    answer(acting, aino, REMINDERS, "given")
    assert due(acting, aino) == NOW


def test_health_is_not_foreseen_without_its_consent(acting: Acting, coached: UUID) -> None:
    answer(acting, coached, "health_personalisation")
    buy(acting, coached, "lens", *REGULAR)
    answer(acting, coached, "health_personalisation", "withdrawn")
    assert scan(acting) == Scanned(looked=1)
    answer(acting, coached, "health_personalisation")
    assert scan(acting).proposed == 1


def test_prescriptions_and_as_needed_goods(acting: Acting, coached: UUID) -> None:
    answer(acting, coached, "health_personalisation")
    buy(acting, coached, "insulin", *REGULAR)
    buy(acting, coached, "cough", *REGULAR)
    assert scan(acting) == Scanned(looked=1)
    tell(acting, coached, ("usage", NOW, {"sku": "cough", "units_left": 4.0, "units_per_day": 2.0}))
    assert scan(acting).proposed == 1
    [reorder] = reorders(acting, coached)
    assert reorder.details is not None
    assert reorder.details.candidate.data == ("purchases", "usage")


def test_what_was_returned_or_is_used_no_more(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    tell(acting, coached, ("stopped_using", NOW - timedelta(days=2), {"sku": "soap"}))
    tell(acting, coached, ("returned", NOW - timedelta(days=1), {"sku": "soap"}))
    assert scan(acting) == Scanned(looked=1)
    buy(acting, coached, "soap", 0.5)
    tell(acting, coached, ("returned", NOW, {"sku": "soap"}))
    assert scan(acting).proposed == 1


def test_an_open_proposal_ends_when_the_need_is_met(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    buy(acting, coached, "soap", 0)
    assert scan(acting) == Scanned(looked=1, ended=1)
    [reorder] = reorders(acting, coached)
    assert reorder.details is not None
    assert (reorder.state, reorder.details.history[-1].reason) == ("cancelled", "bought_since")


def test_whoever_stopped_buying_is_left_alone(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", 400, 370, 340, 310, 280)
    assert scan(acting) == Scanned(looked=1)
    assert due(acting, coached) is None


def test_a_pause_is_waited_for(acting: Acting, coached: UUID) -> None:
    until = NOW + timedelta(days=3, minutes=20)
    buy(acting, coached, "soap", *REGULAR)
    choose(acting, coached, paused_until=until)
    assert scan(acting) == Scanned(looked=1)
    assert due(acting, coached) == (until + timedelta(hours=1)).replace(minute=0)
    assert scan(acting, at=until + timedelta(hours=1)).proposed == 1


def test_what_was_refused_is_asked_again_when_a_flag_ends(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    with acting("shop") as unit:
        data = {"name": "bereavement", "until": NOW + timedelta(days=2)}
        store_signals(unit, [NewSignal(coached, "situation", NOW, data, "1")])
    assert scan(acting) == Scanned(looked=1, refused=1)
    assert due(acting, coached) == NOW + timedelta(days=2)
    assert scan(acting, at=NOW + timedelta(days=2)).proposed == 1


def test_a_withdrawal_cancels_and_names_what_it_cancelled(acting: Acting, automatic: UUID) -> None:
    buy(acting, automatic, "soap", *REGULAR)
    scan(acting)
    [reorder] = reorders(acting, automatic)
    cancelled, notice = answer(acting, automatic, AUTOMATIC, "withdrawn")
    assert (cancelled["kind"], cancelled["strategy"]) == ("reorder", "automate")
    assert (notice["kind"], notice["strategy"]) == ("notice", "automate")
    [stopped] = reorders(acting, automatic)
    assert stopped.state == "cancelled"
    assert stopped.details is not None
    last = stopped.details.history[-1]
    assert (last.role, last.reason, last.at) == ("customer", "consent_withdrawn", NOW)
    # What is left is a reminder, and it is proposed; a second withdrawal stops that too.
    assert scan(acting).proposed == 1
    assert [r.state for r in reorders(acting, automatic)] == ["cancelled", "proposed"]
    again, reminder = answer(acting, automatic, REMINDERS, "withdrawn")
    assert (again["strategy"], reminder["kind"]) == ("coach", "reminder")
    assert again["id"] != cancelled["id"]
    assert scan(acting).proposed == 0
    assert reorder.id == stopped.id


def test_what_the_person_heard_of_is_not_proposed_again(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    with acting("system") as unit:
        subject = lock_subject(unit, coached)
        [reorder] = read_reorders(unit, subject)
        assert move_reorder(unit, subject, reorder, "reminded", "due")
    answer(acting, coached, REMINDERS, "withdrawn")
    answer(acting, coached, REMINDERS, "given")
    assert scan(acting) == Scanned(looked=1)
    assert [r.state for r in reorders(acting, coached)] == ["cancelled"]


@pytest.mark.parametrize(
    "patch",
    [
        {"sharing": {"purchases": False}},
        {"levels": {"*": "respond"}},
        {"levels": {"beauty": "off"}},
        {"paused_until": NOW + timedelta(days=1)},
    ],
)
def test_every_change_that_forbids_it_cancels(acting: Acting, coached: UUID, patch: dict[str, Any]) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    choose(acting, coached, **patch)
    assert [r.state for r in reorders(acting, coached)] == ["cancelled"]


@pytest.mark.parametrize(
    "patch", [{"locale": "sv"}, {"quiet": {"start": "00:00", "end": "23:59"}}, {"levels": {"health": "off"}}]
)
def test_other_changes_leave_it_alone(acting: Acting, coached: UUID, patch: dict[str, Any]) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    choose(acting, coached, **patch)
    assert [r.state for r in reorders(acting, coached)] == ["proposed"]


def test_what_cannot_be_read_is_cancelled(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    with acting("dpo") as unit:
        unit.db.execute("update reorders set sealed = '\\x00'")
    cancelled, reminder = answer(acting, coached, REMINDERS, "given")
    assert (cancelled["kind"], cancelled["strategy"]) == ("reorder", None)
    assert reminder["kind"] == "reminder"
    with acting("customer", coached) as unit:
        [shown] = list_reorders(unit, read_subject(unit, coached))
    assert shown["state"] == "cancelled"


def test_one_unreadable_person_does_not_hold_up_the_others(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    with acting("shop") as unit:
        identifiers = [Identifier("customer_number", "BO-1")]
        bo = register_subject(unit, RegisterSubject(identifiers, "sv", "SE", "Europe/Stockholm")).id
    with acting("dpo") as unit:
        unit.db.execute("update keys.data_keys set wrapped = %s where owner = %s", (b"\x01" * 61, bo))
        unit.db.execute("update subjects set forecast_due = %s where id = %s", (NOW - timedelta(days=9), bo))
    assert scan(acting) == Scanned(looked=2, proposed=1, failed=1)
    with acting("system") as unit, pytest.raises(UnreadableError):
        read_subject(unit, bo)
    assert due(acting, bo) == NOW + timedelta(days=1)


def test_a_fault_of_the_program_is_put_off_and_leaves_nothing_half_done(
    acting: Acting, coached: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(acting, coached, "soap", *REGULAR)
    buy(acting, coached, "soap", 700)

    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(propose_reorders, "insert_reorders", fail)
        assert scan(acting) == Scanned(looked=1, failed=1)
    with acting("system") as unit:
        assert unit.db.execute("select count(*) from decisions").fetchone() == (0,)
    assert scan(acting, at=NOW + timedelta(days=1)).proposed == 1


def test_one_of_several_fails_and_the_others_are_proposed_once(
    acting: Acting, coached: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(acting, coached, "soap", *REGULAR)
    with acting("shop") as unit:
        identifiers = [Identifier("customer_number", "BO-1")]
        bo = register_subject(unit, RegisterSubject(identifiers, "sv", "SE", "Europe/Stockholm")).id
    choose(acting, bo, sharing={"purchases": True}, levels={"*": "coach"})
    answer(acting, bo, REMINDERS)
    buy(acting, bo, "soap", *REGULAR)
    inserted = propose_reorders.insert_reorders

    def fail_for_bo(unit: Unit, new: Sequence[NewReorder]) -> set[UUID]:
        found = inserted(unit, new)
        if any(each.subject.id == bo for each in new):
            raise RuntimeError("a bug")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(propose_reorders, "insert_reorders", fail_for_bo)
        assert scan(acting) == Scanned(looked=2, proposed=1, failed=1)
    with acting("system") as unit:
        assert unit.db.execute("select subject from decisions").fetchall() == [(coached,)]
        assert unit.db.execute("select subject from outbox").fetchall() == [(coached,)]
    assert len(reorders(acting, coached)) == 1
    assert reorders(acting, bo) == []
    assert due(acting, bo) == NOW + timedelta(days=1)


def test_a_subject_that_is_being_changed_is_passed_over(acting: Acting, database: str, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    with psycopg.connect(database) as other:
        other.execute("select 1 from subjects for update")
        assert scan(acting) == Scanned()
    assert scan(acting).proposed == 1


def test_whoever_is_due_longest_comes_first(acting: Acting, coached: UUID) -> None:
    with acting("shop") as unit:
        identifiers = [Identifier("customer_number", "BO-1")]
        bo = register_subject(unit, RegisterSubject(identifiers, "sv", "SE", "UTC")).id
    for person, hours in ((coached, 2), (bo, 3)):
        with acting("system") as unit:
            longest = NOW - timedelta(hours=hours)
            unit.db.execute("update subjects set forecast_due = %s where id = %s", (longest, person))
    assert scan(acting, limit=1) == Scanned(looked=1)
    assert (due(acting, bo), due(acting, coached)) == (None, NOW - timedelta(hours=2))


def test_small_batches_reach_everybody(acting: Acting, coached: UUID) -> None:
    with acting("shop") as unit:
        for number in range(7):
            identifiers = [Identifier("customer_number", f"N-{number}")]
            register_subject(unit, RegisterSubject(identifiers, "sv", "SE", "UTC"))
        unit.db.execute("update subjects set forecast_due = %s", (NOW,))
    looked = [scan(acting, limit=3).looked for _ in range(4)]
    assert looked == [3, 3, 2, 0]


def answer_reorder(acting: Acting, subject: UUID, reply: Callable[[Unit, UUID], object]) -> None:
    """What the person says to the newest reorder."""
    newest = reorders(acting, subject)[-1]
    with acting("customer", subject) as unit:
        reply(unit, newest.id)


def test_whoever_has_plenty_is_asked_again_later(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    answer_reorder(acting, coached, have_plenty)
    # The answer woke the scan, which finds that it is too early to ask again.
    assert due(acting, coached) == NOW
    assert scan(acting) == Scanned(looked=1)
    assert due(acting, coached) == NOW + timedelta(days=14)
    assert scan(acting, at=NOW + timedelta(days=14)).proposed == 1
    assert [r.state for r in reorders(acting, coached)] == ["skipped", "proposed"]


def test_plenty_is_handed_to_the_forecast_by_product(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    answer(acting, coached, "health_personalisation")
    buy(acting, coached, "lens", *REGULAR)
    assert scan(acting).proposed == 2
    answer_reorder(acting, coached, have_plenty)
    known = reorders(acting, coached)
    said = {r.details.candidate.sku for r in known if r.state == "skipped" and r.details is not None}
    with acting("system") as unit:
        subject = read_subject(unit, coached)
        state = subject.state(NOW)
        programme = foresee_run_outs.replenishment(unit.policy)
        assert programme is not None
        sources = foresee_run_outs.readable(unit, state, programme)
        found = foresee_run_outs.foresee_run_outs(unit, subject, state, sources, known)
    assert {each.product.sku: each.plenty for each in found} == {
        sku: (NOW,) if sku in said else () for sku in ("lens", "soap")
    }


def test_having_had_plenty_of_an_earlier_pack_holds_nothing_up() -> None:
    said = [NOW - timedelta(days=40), NOW - timedelta(days=12)]
    assert rests_until(said, NOW - timedelta(days=11)) is None
    assert rests_until(said, NOW - timedelta(days=13)) == NOW + timedelta(days=2)
    assert rests_until([], NOW) is None


@pytest.mark.parametrize("state", ["proposed", "reminded", "held"])
def test_what_nobody_answers_ends_by_itself(acting: Acting, coached: UUID, state: str) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    [reorder] = reorders(acting, coached)
    if state != "proposed":
        with acting("system") as unit:
            assert move_reorder(unit, lock_subject(unit, coached), reorder, state, "a test")
    expires = due(acting, coached)
    assert expires is not None
    assert scan(acting, at=expires - timedelta(seconds=1)) == Scanned()
    assert scan(acting, at=expires).ended == 1
    [ended] = reorders(acting, coached)
    assert ended.details is not None
    assert (ended.state, ended.details.history[-1].reason) == ("cancelled", "expired")
    assert ended.details.history[-1].role == "system"
    # And its cycle is not proposed again.
    with acting("system") as unit:
        unit.db.execute("update subjects set forecast_due = %s", (expires,))
    assert scan(acting, at=expires) == Scanned(looked=1)


@pytest.mark.parametrize("state", ["approved", "announced"])
def test_what_was_answered_or_announced_does_not_expire(acting: Acting, coached: UUID, state: str) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    [reorder] = reorders(acting, coached)
    with acting("system") as unit:
        assert move_reorder(unit, lock_subject(unit, coached), reorder, state, "a test")
    expires = due(acting, coached)
    assert expires is not None
    scan(acting, at=expires)
    assert [r.state for r in reorders(acting, coached)] == [state]


def test_a_snooze_puts_off_the_end_as_well(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    expires = due(acting, coached)
    assert expires is not None
    answer_reorder(acting, coached, lambda unit, reorder: snooze_reorder(unit, reorder, days=60))
    assert scan(acting, at=expires) == Scanned(looked=1)
    assert due(acting, coached) == NOW + timedelta(days=74)
    assert scan(acting, at=NOW + timedelta(days=74)).ended == 1


def test_the_scan_finds_who_is_due_by_an_index(acting: Acting) -> None:
    """Also whoever has a proposal that expires: it is the same column."""
    with acting("system") as unit:
        unit.db.execute("set local enable_seqscan = off")
        plan = unit.db.execute("explain select id from subjects where forecast_due <= now()").fetchall()
    assert "Index" in str(plan)


def test_an_approved_order_that_is_held_ends_too(acting: Acting, coached: UUID) -> None:
    buy(acting, coached, "soap", *REGULAR)
    scan(acting)
    expires = due(acting, coached)
    assert expires is not None
    answer_reorder(acting, coached, approve_reorder)
    with acting("system") as unit:
        unit.db.execute("update subjects set forecast_due = %s", (NOW,))
    scan(acting)
    assert due(acting, coached) == expires
    with acting("system") as unit:
        subject = lock_subject(unit, coached)
        [approved] = read_reorders(unit, subject)
        assert move_reorder(unit, subject, approved, "held", "price_changed")
    assert scan(acting, at=expires).ended == 1
