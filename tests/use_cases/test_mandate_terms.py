"""A mandate is concluded on the law's words and on what was shown before them, and both are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.errors import ConflictError, InvalidInputError, NotFoundError
from service.explanations import LANGUAGES
from service.explanations.mandates import ORDER_BUTTONS, order_button
from service.storage.choices import StoredMandate
from service.storage.products import Product
from service.storage.subjects import (
    create_subject,
    lock_subject,
    read_events,
    read_subject,
    save_choices,
)
from service.use_cases.expire_consents import Swept, expire_consents
from service.use_cases.mandate_history import mandate_evidence, mandate_history
from service.use_cases.mandate_terms import Limits, offer_mandate
from service.use_cases.put_mandate import (
    MOST_KEPT,
    MOST_LIVE,
    PutMandate,
    end_mandate,
    live_mandate,
    mandate_status,
    put_mandate,
    resume_mandate,
    suspend_mandate,
)
from service.use_cases.put_product import put_product
from tests.use_cases.conftest import NOW, Acting

LIMITS: dict[str, Any] = {
    "covers": "sku:cough",
    "currency": "SEK",
    "max_price_minor": 20_000,
    "max_quantity": 2,
    "max_spend_minor": 60_000,
    "spend_days": 90,
    "min_days_between": 14,
    "expires_at": NOW + timedelta(days=300),
}


def product(**more: Any) -> Product:
    fields: dict[str, Any] = {
        "sku": "cough",
        "name": "Bromhexin 8 mg",
        "category": "health.otc.cough",
        "pack_size": 50,
        "usual_per_day": None,
        "price_minor": 7900,
        "currency": "SEK",
        "stock": None,
        "prescription": False,
        "as_needed": False,
        "limit_per_order": None,
        "limit_per_month": None,
    }
    return Product(**(fields | more))


@pytest.fixture(autouse=True)
def _catalogue(acting: Acting) -> None:
    stock(acting, product(), product(sku="pills", prescription=True))


def stock(acting: Acting, *products: Product) -> None:
    with acting("shop") as unit:
        for each in products:
            put_product(unit, each)


def offer(acting: Acting, subject: UUID, locale: str | None = None, **more: Any) -> dict[str, Any]:
    with acting("customer", subject) as unit:
        return offer_mandate(unit, subject, Limits(**(LIMITS | more)), locale)


def accept(
    acting: Acting,
    subject: UUID,
    shown: str | None,
    locale: str = "fi",
    at: Any = NOW,
    mandate: str = "man_a",
    **more: Any,
) -> Any:
    with acting("customer", subject, at=at) as unit:
        fields = {"text": order_button(locale), "locale": locale, "shown": shown} | LIMITS | more
        return put_mandate(unit, subject, mandate, PutMandate(**fields))


def evidence(acting: Acting, subject: UUID, mandate: str = "man_a") -> dict[str, Any]:
    with acting("customer", subject) as unit:
        found = read_subject(unit, subject)
        kept = mandate_evidence(unit, found, live_mandate(found, mandate))
    assert kept is not None
    return kept


def history(acting: Acting, subject: UUID, mandate: str = "man_a", at: Any = NOW) -> list[dict[str, Any]]:
    with acting("customer", subject, at=at) as unit:
        return mandate_history(unit, subject, mandate)


def test_the_button_says_what_the_law_says() -> None:
    assert ORDER_BUTTONS["sv"] == "Beställning förenad med betalningsskyldighet"
    assert ORDER_BUTTONS["da"] == "Ordre med betalingsforpligtelse"
    assert ORDER_BUTTONS["fi"] == "Tilaukseen liittyy maksuvelvollisuus"
    assert ORDER_BUTTONS["en"] == "Order with obligation to pay"
    assert set(ORDER_BUTTONS) == set(LANGUAGES)


def test_everything_stands_before_the_button(acting: Acting, aino: UUID) -> None:
    terms = offer(acting, aino, "sv")
    assert terms["button"] == ORDER_BUTTONS["sv"]
    told = {each["about"]: each["text"] for each in terms["terms"]}
    assert set(told) == {
        *("goods", "price", "highest_price", "quantity", "interval", "spend", "duration"),
        *("minimum_obligation", "notice", "changes", "stopping"),
    }
    text = " ".join(each["text"] for each in terms["terms"]).replace("\xa0", " ")
    for part in ("Bromhexin 8 mg", "50", "79,00 kr", "200,00 kr", "2", "14 dygn", "600,00 kr", "90 dygn"):
        assert part in text
    assert "18 september 2027" in text
    assert "7 dygn i förväg" in text


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("covers", ["sku:cough", "health.otc", "*"])
def test_terms_are_told_in_every_language_and_hold_nothing_back(
    acting: Acting, aino: UUID, locale: str, covers: str
) -> None:
    """Also where nothing is limited: then it says so."""
    with acting("customer", aino) as unit:
        open_ended = offer_mandate(
            unit, aino, Limits(covers=covers, currency="SEK", max_price_minor=5), locale
        )
    full = offer(acting, aino, locale, covers=covers)
    assert [each["about"] for each in open_ended["terms"]] == [each["about"] for each in full["terms"]]
    assert full["locale"] == locale
    assert full["button"] == ORDER_BUTTONS[locale]


def test_the_last_instant_of_the_calendar_can_be_shown(acting: Acting, aino: UUID) -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    terms = offer(acting, aino, "en", expires_at=never)["terms"]
    assert "It lasts until 31 December 9999." in [each["text"] for each in terms]


def test_the_language_is_the_persons_own_unless_asked(acting: Acting, aino: UUID) -> None:
    assert offer(acting, aino)["locale"] == "fi"
    assert offer(acting, aino, "da")["locale"] == "da"


def test_what_was_shown_is_what_is_kept(acting: Acting, aino: UUID) -> None:
    terms = offer(acting, aino)
    later = NOW + timedelta(hours=23)
    accept(acting, aino, terms["shown"], at=later)
    kept = evidence(acting, aino)
    assert kept.pop("shown_at") == "2026-11-22T09:00:00Z"
    assert kept.pop("proven") is True
    assert kept.pop("policy") == 1
    assert kept == {name: terms[name] for name in terms if not name.startswith("shown")}
    assert kept["product"]["price_minor"] == 7900


def test_without_a_stamp_the_service_keeps_what_it_would_have_shown(acting: Acting, aino: UUID) -> None:
    accept(acting, aino, None)
    kept = evidence(acting, aino)
    assert (kept["proven"], kept["shown_at"]) == (False, "2026-11-22T09:00:00Z")
    assert kept["terms"] == offer(acting, aino)["terms"]


@pytest.mark.parametrize(
    "more",
    [
        {"max_price_minor": 20_001},
        {"max_quantity": 3},
        {"max_quantity": None},
        {"min_days_between": None},
        {"expires_at": NOW + timedelta(days=300, seconds=1)},
        {"covers": "health.otc.cough"},
        {"locale": "sv", "text": ORDER_BUTTONS["sv"]},
    ],
)
def test_other_terms_than_those_shown_are_refused(acting: Acting, aino: UUID, more: dict[str, Any]) -> None:
    shown = offer(acting, aino)["shown"]
    with pytest.raises(ConflictError, match="show the terms anew"):
        accept(acting, aino, shown, **more)
    assert_nothing_concluded(acting, aino)


@pytest.mark.parametrize("change", [{"price_minor": 7901}, {"name": "Bromhexin"}, {"pack_size": 49}])
def test_a_product_that_has_changed_since_is_shown_anew(
    acting: Acting, aino: UUID, change: dict[str, Any]
) -> None:
    """The price immediately before the press is the one that counts (law.md A2, A3)."""
    shown = offer(acting, aino)["shown"]
    stock(acting, product(**change))
    with pytest.raises(ConflictError):
        accept(acting, aino, shown)
    accept(acting, aino, offer(acting, aino)["shown"])


SPOILT: list[Callable[[str], str]] = [
    lambda text: text[:-1],
    lambda text: text + "a",
    lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
    lambda text: ("a" if text[0] != "a" else "b") + text[1:],
    lambda text: text.upper(),
    lambda text: "é" * len(text),
    lambda text: "!" * len(text),
    lambda _: "",
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_stamp_that_was_tampered_with_proves_nothing(
    acting: Acting, aino: UUID, spoil: Callable[[str], str]
) -> None:
    shown = offer(acting, aino)["shown"]
    with pytest.raises(ConflictError):
        accept(acting, aino, spoil(shown))
    assert_nothing_concluded(acting, aino)


def test_a_stamp_is_good_for_a_day_and_for_one_person(acting: Acting, aino: UUID) -> None:
    shown = offer(acting, aino)["shown"]
    with pytest.raises(ConflictError, match="too long ago"):
        accept(acting, aino, shown, at=NOW + timedelta(hours=24))
    with acting("shop") as unit:
        other = UUID(int=7)
        create_subject(unit, other, read_subject(unit, aino).choices)
    with pytest.raises(ConflictError, match="is not what this would conclude"):
        accept(acting, other, shown)
    accept(acting, aino, shown, at=NOW + timedelta(hours=24, seconds=-1))


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("spoil", [str.upper, lambda text: text + " ", lambda _: "OK", lambda t: t[:-1]])
def test_any_other_button_concludes_nothing(
    acting: Acting, aino: UUID, locale: str, spoil: Callable[[str], str]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        accept(acting, aino, None, locale, text=spoil(ORDER_BUTTONS[locale]))
    [fault] = caught.value.faults
    assert fault.pointer == "/accepted/text"
    assert fault.message.endswith(f": {ORDER_BUTTONS[locale]}")
    assert_nothing_concluded(acting, aino)


def test_one_languages_button_is_no_other_languages(acting: Acting, aino: UUID) -> None:
    with pytest.raises(InvalidInputError):
        accept(acting, aino, None, "da", text=ORDER_BUTTONS["nb"])


@pytest.mark.parametrize("covers", ["sku:pills", "sku:nothing", "health.rx", "health.rx.strong", "weapons"])
def test_what_can_never_be_ordered_is_neither_offered_nor_concluded(
    acting: Acting, aino: UUID, covers: str, policy_document: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        offer(acting, aino, covers=covers)
    assert [fault.pointer for fault in caught.value.faults] == ["/covers"]
    with pytest.raises(InvalidInputError):
        accept(acting, aino, None, covers=covers)


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["categories"]["health.rx"]["prescription"] = True
    policy_document["categories"]["health.rx.strong"] = {}
    return policy_document


def test_history_tells_every_step(acting: Acting, aino: UUID) -> None:
    accept(acting, aino, None)
    hours = iter(range(1, 99))

    def then() -> Any:
        return acting("customer", aino, at=NOW + timedelta(hours=next(hours)))

    with then() as unit:
        suspend_mandate(unit, aino, "man_a")
    with then() as unit:
        resume_mandate(unit, aino, "man_a")
    ends = NOW + timedelta(days=2)
    accept(acting, aino, None, at=NOW + timedelta(hours=5), max_price_minor=15_000, expires_at=ends)
    with acting("system", at=ends + timedelta(hours=1)) as unit:
        assert expire_consents(unit, 10) == Swept(looked=1, mandates=1)
        assert expire_consents(unit, 10) == Swept()
    accept(acting, aino, None, at=ends + timedelta(days=1))
    with acting("customer", aino, at=ends + timedelta(days=2)) as unit:
        end_mandate(unit, aino, "man_a")
    steps = history(acting, aino)
    assert [(step["does"], step["actor"]) for step in steps] == [
        *(("concluded", "customer"), ("suspended", "customer"), ("resumed", "customer")),
        *(("changed", "customer"), ("expired", "none")),
        *(("concluded", "customer"), ("ended", "customer")),
    ]
    assert [step["mandate"]["max_price_minor"] for step in steps] == [
        *(20_000, 20_000, 20_000, 15_000, 15_000, 20_000, 20_000)
    ]
    assert [step["evidence"] is not None for step in steps] == [
        *(True, False, False, True, False, True, False)
    ]
    assert steps[4]["at"] == "2026-11-24T10:00:00Z"


def test_one_that_gives_way_has_its_end_recorded_first(acting: Acting, aino: UUID) -> None:
    """Although no sweep has come by."""
    accept(acting, aino, None, expires_at=NOW + timedelta(days=1))
    accept(acting, aino, None, at=NOW + timedelta(days=2), mandate="man_b")
    assert [step["does"] for step in history(acting, aino)] == ["concluded", "expired"]
    assert evidence(acting, aino, "man_b")["proven"] is False


def test_evidence_is_of_the_mandate_as_it_stands(acting: Acting, aino: UUID) -> None:
    accept(acting, aino, None)
    accept(acting, aino, None, max_price_minor=9900)
    assert evidence(acting, aino)["limits"]["max_price_minor"] == 9900


def test_a_mandate_that_nobody_knows_has_no_history(acting: Acting, aino: UUID) -> None:
    with pytest.raises(NotFoundError):
        history(acting, aino, "man_nothing")


def test_an_expired_one_says_so_before_any_sweep(acting: Acting, aino: UUID) -> None:
    mandate, _ = accept(acting, aino, None, expires_at=NOW + timedelta(hours=1))
    assert mandate_status(mandate, NOW) == "live"
    assert mandate_status(mandate, NOW + timedelta(hours=1)) == "expired"


@pytest.mark.parametrize(("kept", "ended"), [(MOST_LIVE, False), (MOST_KEPT, True)])
def test_nobody_has_mandates_without_end(acting: Acting, aino: UUID, kept: int, ended: bool) -> None:
    def held(number: int) -> StoredMandate:
        over = NOW if ended else None
        return StoredMandate(f"man_{number}", f"sku:{number}", "SEK", 100, NOW, deleted_at=over)

    with acting("shop") as unit:
        subject = lock_subject(unit, aino)
        subject.choices.mandates = [held(number) for number in range(kept)]
        save_choices(unit, subject)
    with pytest.raises(ConflictError, match=str(kept)):
        accept(acting, aino, None)
    with acting("shop") as unit:
        subject = lock_subject(unit, aino)
        del subject.choices.mandates[0]
        save_choices(unit, subject)
    accept(acting, aino, None)
    # New limits for one of them are no new one.
    accept(acting, aino, None, max_quantity=1)


def assert_nothing_concluded(acting: Acting, subject: UUID) -> None:
    with acting("dpo") as unit:
        found = read_subject(unit, subject)
        assert (found.epoch, found.choices.mandates, read_events(unit, found)) == (1, [], [])
