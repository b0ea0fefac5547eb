"""The demo's files: a policy in five languages, plausible goods, and people who agree with each other."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.embedded.demo.crowd import crowd
from service.embedded.demo.customer import Answered, Customer, Happened
from service.embedded.demo.files import demo_policy, read_data
from service.embedded.demo.goods import catalogue
from service.embedded.demo.histories import KINDS
from service.embedded.demo.people import people, people_entries
from service.embedded.demo.story import expected_outcomes, proposals_for
from service.embedded.demo.tips import tips
from service.explanations import LANGUAGES
from service.policy import LEVELS, REASON_CODES, check_policy, read_candidate

DOCUMENT = Path(__file__).parents[2] / "docs" / "demo.md"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
POLICY: dict[str, Any] = read_data("policy")
NAMED = ("purposes", "data", "programmes", "categories", "channels", "suppressions", "levels")
ENTRIES = [(kind, name) for kind in NAMED for name in POLICY[kind]]
# Where an entry explains itself; a category's title is enough.
SUMMARISED = set(NAMED) - {"categories"}
# What Danes call it in English.
SAME = ("channels", "email")


def test_the_policy_has_no_fault() -> None:
    assert check_policy(POLICY) == []
    assert set(POLICY["levels"]) == set(LEVELS)


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_everything_has_a_name_in_five_languages(kind: str, name: str) -> None:
    texts = POLICY[kind][name]["texts"]
    assert set(texts) == set(LANGUAGES)
    for language, text in texts.items():
        assert text["title"].strip() == text["title"] != "", (kind, name, language)
        if kind in SUMMARISED:
            assert text["summary"].endswith("."), (kind, name, language)
    summaries = {text.get("summary", language) for language, text in texts.items()}
    assert len(summaries) == len(LANGUAGES), "a language repeats another's words"
    english = texts["en"]["title"].lower()
    left = [language for language in LANGUAGES if texts[language]["title"].lower() == english]
    assert left == (["da", "en"] if (kind, name) == SAME else ["en"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", POLICY["purposes"])
def test_a_notice_says_how_long_and_how_to_stop(purpose: str, language: str) -> None:
    notice = POLICY["purposes"][purpose]["texts"][language]["notice"]
    stop = {"en": "Privacy", "sv": "Integritet", "fi": "Tietosuoja", "nb": "Personvern", "da": "Privatliv"}
    months = {"en": "month", "sv": "månad", "fi": "kuukau", "nb": "måned", "da": "måned"}
    assert stop[language] in notice
    assert months[language] in notice
    assert 200 <= len(notice) <= 1000
    if POLICY["purposes"][purpose]["basis"] == "consent":
        duration = re.fullmatch(r"P(\d+)M", POLICY["purposes"][purpose]["valid_for"])
        assert duration is not None
        assert duration[1] in notice, "the notice names another duration than the policy"
    assert all(name.split()[0] in notice for name in POLICY["purposes"][purpose].get("recipients", ()))


def test_health_rests_on_explicit_consent_with_an_assessment() -> None:
    for name in ("health_personalisation", "automatic_reorder"):
        purpose = POLICY["purposes"][name]
        assert purpose["explicit"]
        assert purpose["special"]
        assert purpose["assessment"].startswith("DPIA-")
    assert POLICY["categories"]["health"]["requires"] == ["health_personalisation"]
    assert POLICY["categories"]["health.rx"]["max"] == "respond"


def test_every_purpose_and_data_category_is_kept_for_a_time() -> None:
    assert all(re.fullmatch(r"P\d+M", entry["retention"]) for entry in POLICY["data"].values())
    covered = {data for purpose in POLICY["purposes"].values() for data in purpose["data"]}
    assert {signal["data"] for signal in POLICY["signals"].values()} <= covered


def test_the_goods_fit_the_policy() -> None:
    goods = catalogue()
    assert 30 <= len(goods) <= 40
    assert all(demo_policy().knows_category(good.category) for good in goods.values())
    medicines = [g for g in goods.values() if g.category.startswith(("health.otc", "health.rx")) and g.atc]
    assert len([g for g in medicines if not g.prescription]) >= 16
    for good in medicines:
        assert good.atc is not None
        assert re.fullmatch(r"[ABCDGHJLMNPRSV]\d{2}[A-Z]{2}(\d{2})?", good.atc), good.sku
        assert good.strength, good.sku
    assert len({good.atc for good in medicines}) == len(medicines), "one substance under two skus"
    assert {g.category for g in goods.values() if g.prescription} == {"health.rx"}
    # A pack lasts a sensible time, and nothing without a limit is a medicine.
    assert all(1 <= good.days <= 200 for good in goods.values())
    assert all(g.limit_per_order and g.limit_per_month for g in medicines if not g.prescription)


def test_the_crowd_is_the_same_every_time() -> None:
    assert list(crowd(NOW)) == list(crowd(NOW))
    assert list(crowd(NOW, 10)) == list(crowd(NOW))[:10]
    assert list(crowd(NOW, 10)) != list(crowd(NOW, 10, seed="another"))


def test_the_crowd_is_mixed() -> None:
    customers = list(crowd(NOW))
    assert len(customers) == 300
    assert set(Counter(c.locale for c in customers)) == set(LANGUAGES)
    spans = [(NOW - c.since).days for c in customers]
    assert sum(180 <= days <= 280 for days in spans) > 240
    bought = Counter(
        isinstance(step.action, Happened) and step.action.type for c in customers for step in c.steps
    )
    assert bought["purchase"] > 2000
    assert bought["usage"] > 500
    assert bought["complaint_opened"] > 3
    answers = Counter(s.action.status for c in customers for s in c.steps if isinstance(s.action, Answered))
    assert min(answers["given"], answers["refused"], answers["withdrawn"]) > 20
    assert sum(KINDS.values()) == pytest.approx(1)


@pytest.mark.parametrize("customers", [lambda: people(NOW), lambda: list(crowd(NOW))])
def test_lives_are_in_order_and_in_the_past(customers: Any) -> None:
    found: list[Customer] = customers()
    for customer in found:
        times = [step.at for step in customer.steps]
        assert times == sorted(times)
        assert all(customer.since <= at <= NOW and not at.microsecond for at in times)
        signals = [(s.action.type, s.action.id) for s in customer.steps if isinstance(s.action, Happened)]
        assert len(set(signals)) == len(signals)
        assert {s.action.data["sku"] for s in customer.steps if _has_sku(s.action)} <= set(catalogue())


def _has_sku(action: object) -> bool:
    return isinstance(action, Happened) and "sku" in action.data


def test_nobody_can_be_reached_by_the_identifiers() -> None:
    customers = [*people(NOW), *crowd(NOW)]
    values = [i.value for customer in customers for i in customer.identifiers]
    assert len(set(values)) == len(values)
    emails = [i.value for customer in customers for i in customer.identifiers if i.type == "email"]
    assert all(email.endswith(("@example.org", "@example.net")) for email in emails)


def test_the_twelve_are_as_old_as_they_are_said_to_be() -> None:
    for now in (NOW, NOW.replace(month=2, day=28), datetime(2028, 2, 29, 23, 0, tzinfo=UTC)):
        for customer, entry in zip(people(now), people_entries().values(), strict=True):
            for later in (now, now + timedelta(days=180)):
                today = later.date()
                born = customer.birth_date
                age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
                assert age == entry["age"]


def test_twelve_people_in_five_languages_with_an_introduction_each() -> None:
    entries = people_entries()
    assert len(entries) == 12
    assert {entry["locale"] for entry in entries.values()} == set(LANGUAGES)
    assert all({"en", entry["locale"]} == set(entry["about"]) | {"en"} for entry in entries.values())


def test_the_documented_table_is_the_data() -> None:
    rows = re.findall(
        r"^\| (\w+), (\w\w) \| [^|]+ \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    outcomes = expected_outcomes()
    signs = {"allow": "✓", "downgrade": "↓", "defer": "…", "deny": "✗"}
    documented = {
        (name, locale): [cell.strip()[0] for cell in cells.split("|")] for name, locale, cells in rows
    }
    assert documented == {
        (entry["name"].split()[0], entry["locale"]): [signs[o["outcome"]] for o in outcomes[key].values()]
        for key, entry in people_entries().items()
    }


def test_every_proposal_has_its_outcome() -> None:
    outcomes = expected_outcomes()
    assert list(outcomes) == list(people_entries())
    titles = read_data("day")["proposals"]
    assert all(set(proposal["title"]) == set(LANGUAGES) for proposal in titles.values())
    assert set(read_data("day")["words"]) == set(LANGUAGES)
    for key, expected in outcomes.items():
        proposals = proposals_for(key)
        assert list(expected) == list(proposals)
        for candidate in proposals.values():
            good = catalogue()[candidate["sku"]]
            price = {"category": good.category, "price_minor": good.price_minor, "currency": good.currency}
            read_candidate({**candidate, **price})
        reasons = [line.split() for outcome in expected.values() for line in outcome.get("reasons", ())]
        assert all(len(parts) == 3 and parts[1] in REASON_CODES for parts in reasons)
    seen = {outcome["outcome"] for expected in outcomes.values() for outcome in expected.values()}
    assert seen == {"allow", "downgrade", "defer", "deny"}


def test_tips_speak_five_languages_of_goods_that_exist() -> None:
    found = tips()
    assert len(found) == 5
    for tip in found:
        assert tip.sku in catalogue()
        assert set(tip.texts) == set(LANGUAGES)
        assert len(set(tip.texts.values())) == len(LANGUAGES)
        # It sells nothing: no price, no exclamation.
        assert not re.search(r"!|\bkr\b|kronor|euro|%", " ".join(tip.texts.values()))
        assert (tip.value, tip.sponsored, tip.programme) == (0, False, "ownership")


def test_what_can_be_given_back() -> None:
    rules = {good.sku: good.withdrawal for good in catalogue().values()}
    assert {rules[sku] for sku in rules if sku.startswith("RX-")} == {"excluded"}
    assert {rules[sku] for sku in rules if sku.startswith("OTC-")} == {"sealed_only"}
    assert (rules["SUN-50-200"], rules["HAIR-SHAM-250"]) == ("sealed_only", "full")
