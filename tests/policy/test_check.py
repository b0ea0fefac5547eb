"""Policy is checked before use: every kind of fault is found, at its path, and a sound policy has none."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from service.policy import Level, Mandate, PolicyRefused, check_policy, load_policy
from tests.policy.generators import Dice, make_policy, randoms
from tests.policy.test_inputs import MISSING, put

VECTORS = Path(__file__).with_name("vectors")
WORDS = {locale: {"title": "t", "notice": "n"} for locale in ("sv", "fi", "nb", "da", "en")}

# Uses every key that a policy may have.
WHOLE: dict[str, Any] = {
    "format": "samtycke-policy/1",
    "version": "7",
    "name": "Whole",
    "controller": {
        "name": "Bolaget AB",
        "contact": {"email": "dpo@example.org", "texts": WORDS},
        "lines": ["a"],
        **{"email": "dpo@example.org", "phone": "1", "type": "shop", "jurisdiction": "SE"},
        **{"url": "https://example.org", "privacy_url": "https://example.org/privacy"},
        "authority": {"name": "IMY", "url": "https://imy.se"},
    },
    "storage": {"locations": ["SE", "EU"], "processing_locations": ["EEA"]},
    "skew_seconds": 300,
    "default_level": "off",
    "texts": WORDS,
    "recipients": ["Posten", {"name": "Bolaget", "country": "SE"}],
    "retention": {"period": "P10Y", "texts": WORDS, "records": {"decisions": "P2Y", "jobs": "P1M"}},
    "levels": {"coach": {"texts": WORDS}, "automate": {"confirm": True}, "off": {}, "curate": None},
    "notices": {"offers": [{"version": 1, "texts": WORDS}], "email": {"version": 1}},
    "purposes": {
        "deliver": {"basis": "contract", "data": ["orders"], "explicit": False},
        "offers": {
            **{
                "basis": "consent",
                "data": ["orders", "usage"],
                "valid_for": "P1Y6M",
                "min_notice_version": 1,
            },
            **{"explicit": True, "direct_marketing": True, "special": True, "assessment": "DPIA-1"},
            **{"texts": WORDS, "recipients": [], "retention": "P24M"},
            **{"notice": {"version": 2, "revision": 1}, "dpv": ["dpv:Marketing"], "storage": None},
        },
        "tips": {"basis": "legitimate_interest", "direct_marketing": True},
    },
    "data": {
        "orders": {"sharing": "necessary", "texts": WORDS, "dpv": ["pd:Purchase"]},
        "usage": {"sharing": "choice"},
    },
    "programmes": {
        "refill": {
            "ladder": {"curate": ["offers"], "respond": ["deliver"]},
            **{"uses": ["usage"], "capped": False, "essential": None, "texts": {"sv": "ord"}},
        },
        "recall": {"ladder": {"coach": ["deliver"]}, "essential": True},
        "help": {"ladder": {"coach": ["deliver"]}},
    },
    "categories": {
        "*": None,
        "health": {"requires": ["offers"], "max": "coach", "min_age": 18, "texts": WORDS},
        "health.rx": {"max": "respond", "prescription": True, "review": "pharmacist"},
        "health.rx.sleep": {"prescription": True, "limit_per_order": 1, "limit_per_month": 2},
    },
    "channels": {
        "email": {
            **{"opt_in": True, "quiet": {"from": "21:00", "to": "08:00"}, "texts": WORDS},
            "caps": [{"count": 0, "hours": 1}],
            **{"dpv": ["dpv:Marketing"], "dpv_data": ["pd:EmailAddress"]},
        },
        "app": {"opt_in": False, "quiet": None, "caps": None},
    },
    "contact_caps": [{"count": 4, "hours": 168}],
    "suppressions": {
        "grief": {"max": "off", "programmes": ["refill"], "texts": WORDS},
        "away": {"max": "coach"},
    },
    "rollout": [
        {
            "programme": "refill",
            "strategy": "curate",
            "category": "health.otc",
            "stage": "pilot",
            "percent": 5,
        },
        {"strategy": "respond", "category": "*", "stage": "live"},
    ],
    "signals": {
        "bought": {"data": "orders"},
        "sad": {"data": "usage", "sets": "grief", "clears": "away"},
        "purchase": {"data": "orders"},
        "rating": {"data": "orders"},
    },
    "detectors": {
        "gone": {
            **{"rule": "lapsed", "times": 2.5, "purpose": "offers", "data": ["orders"], "texts": WORDS},
            **{"stage": "pilot", "percent": 50, "cooldown": "P30D"},
            "proposes": {"programme": "refill", "strategy": "curate"},
            "measure": {"signals": ["purchase"], "within_days": 30, "absent": False},
        },
        "ends": {
            **{"rule": "run_out", "within_days": 7, "purpose": "offers", "data": ["orders"], "stage": "off"},
            "proposes": {"programme": "refill", "strategy": "curate", "sku": "soap"},
            "measure": {"signals": ["bought", "sad"], "within_days": 1},
        },
        "unhappy": {
            **{"rule": "dissatisfied", "within_days": 30, "rating": {"nps": 6, "csat": 2}},
            **{"signals": ["bought"], "purpose": "deliver", "data": ["orders"], "stage": "live"},
            "proposes": {"programme": "help", "strategy": "coach", "offer": "call"},
            "measure": {"signals": ["purchase"], "within_days": 30, "absent": True},
        },
        "leaves": {
            **{"rule": "likely_to_leave", "weights": {"gone": 50, "unhappy": 50}, "threshold": 100},
            **{"purpose": "deliver", "data": ["orders"], "stage": "shadow"},
            "proposes": {"programme": "help", "strategy": "coach", "offer": "call"},
            "measure": {"signals": ["purchase"], "within_days": 30, "absent": True},
        },
    },
}
FAULTS: list[tuple[str, object]] = [
    *[("/format", value) for value in (MISSING, None, "samtycke-policy/2", 1)],
    *[("/default_level", value) for value in (MISSING, None, "full", 1, False, [])],
    *[("/purposes", value) for value in (MISSING, None)],
    ("/unknown", 1),
    ("/version", True),
    ("/version", ""),
    ("/name", 1),
    *[("/controller", value) for value in ([], "x")],
    ("/controller/contact/texts/xx", "x"),
    ("/controller/name", 1),
    ("/controller/email", ""),
    *[("/controller/privacy_url", value) for value in ("http://example.org", "https://", "javascript:x", 1)],
    *[("/controller/jurisdiction", value) for value in ("Sweden", "se", 1)],
    ("/controller/authority/url", "imy.se"),
    ("/storage/place", "SE"),
    ("/storage/locations/0", "Stockholm"),
    *[("/purposes/offers/dpv", value) for value in ("dpv:Marketing", {})],
    *[("/purposes/offers/dpv/0", value) for value in ("Marketing", "dpv:", "foaf:name", "dpv:A b", 1)],
    ("/channels/email/dpv_data/0", "EmailAddress"),
    *[("/purposes/offers/notice/version", value) for value in (0, "2", True)],
    ("/purposes/offers/notice/revision", -1),
    ("/purposes/offers/notice/text", "x"),
    ("/notices/email/version", 0),
    *[("/skew_seconds", value) for value in (True, -1, "300", 10**6)],
    ("/texts/no", "x"),
    ("/texts/sv", 1),
    ("/texts/sv/title", 1),
    ("/texts/sv/title", ""),
    *[("/recipients", value) for value in ("Posten", {})],
    ("/recipients/0", 1),
    ("/retention/period", "10 years"),
    ("/retention/records/decisions", "two years"),
    ("/retention/records/everything", "P1Y"),
    ("/levels/full", {}),
    ("/levels/coach/max", 1),
    ("/levels/coach/confirm", True),
    ("/levels/off/confirm", False),
    *[("/levels/automate/confirm", value) for value in (1, "yes", [])],
    ("/levels/coach/texts/dk", "x"),
    ("/notices/gone", {}),
    ("/notices/offers/0/texts/se", "x"),
    *[("/purposes/tips", value) for value in ([], "tips", 1)],
    ("/purposes/tips/basis", "vital_interest"),
    ("/purposes/tips/basis", MISSING),
    ("/purposes/tips/bases", "consent"),
    *[("/purposes/tips/data", value) for value in ("orders", {})],
    ("/purposes/offers/data/0", "gone"),
    ("/purposes/offers/data/1", "orders"),
    *[
        ("/purposes/offers/valid_for", v)
        for v in ("12M", "P", "P0D", "P1.5Y", "PT", "P-1D", "P200Y", "P1M ", 12)
    ],
    *[("/purposes/offers/min_notice_version", value) for value in (True, -1, "1")],
    *[("/purposes/offers/explicit", value) for value in (0, 1, "true")],
    ("/purposes/offers/direct_marketing", 1),
    ("/purposes/offers/special", 1),
    *[("/purposes/offers/assessment", value) for value in (MISSING, None, "", 1)],
    ("/purposes/offers/retention", "24 months"),
    ("/purposes/offers/retention", 24),
    ("/purposes/offers/recipients", "Posten"),
    ("/purposes/offers/texts/en", []),
    # What would not be enforced must not stand there.
    ("/purposes/deliver/explicit", True),
    ("/purposes/tips/valid_for", "P1Y"),
    ("/purposes/tips/min_notice_version", 1),
    ("/purposes/deliver/direct_marketing", True),
    *[("/data/orders/sharing", value) for value in (MISSING, None, "always", True)],
    *[("/programmes/refill/ladder", value) for value in (MISSING, None, {}, [])],
    *[("/programmes/refill/ladder/curate", value) for value in (None, [], "offers", {})],
    ("/programmes/refill/ladder/curate/0", "gone"),
    ("/programmes/refill/ladder/curate/1", "offers"),
    *[(f"/programmes/refill/ladder/{rung}", ["deliver"]) for rung in ("off", "full", "Coach")],
    ("/programmes/refill/uses/0", "gone"),
    ("/programmes/refill/capped", 0),
    *[("/programmes/refill/about", value) for value in ("bought", True, [])],
    *[("/programmes/refill/after_contacts", value) for value in (0, 1.5, "3", 3)],
    ("/programmes/refill/essential", "yes"),
    ("/programmes/recall/ladder/coach", ["deliver", "offers", "tips"]),
    ("/categories/health/requires/0", "gone"),
    ("/categories/health/max", "full"),
    *[("/categories/health/min_age", value) for value in (True, -1, "18", 1000)],
    *[(f"/categories/{path}", {}) for path in (".", "health.", "a..b", "sku:p1", "a.*", "default")],
    ("/categories/health/max_age", 20),
    ("/categories/health.rx/review", "doctor"),
    ("/categories/health.rx.sleep/limit_per_order", 0),
    ("/categories/health.rx.sleep/limit_per_month", True),
    *[("/channels/email/opt_in", value) for value in (MISSING, None, 1, "true")],
    ("/channels/email/quiet", "21-08"),
    *[("/channels/email/quiet/from", value) for value in (MISSING, None, "24:00", "8:00", 480)],
    ("/channels/email/quiet/zone", "UTC"),
    ("/channels/email/caps", {}),
    *[("/channels/email/caps/0/count", value) for value in (MISSING, None, -1, True, 1.5)],
    *[("/channels/email/caps/0/hours", value) for value in (MISSING, None, 0, -1, True, "24", 10**9)],
    ("/channels/email/caps/0/days", 1),
    ("/contact_caps/0/hours", 0),
    *[("/suppressions/grief/max", value) for value in (MISSING, None, "full")],
    ("/suppressions/grief/programmes/0", "gone"),
    ("/rollout", {}),
    ("/rollout/0/programme", "gone"),
    *[("/rollout/0/strategy", value) for value in (MISSING, None, "off", "full")],
    *[("/rollout/0/category", value) for value in ("toys", "healthy", 1)],
    *[("/rollout/0/stage", value) for value in (MISSING, None, "beta", False)],
    *[("/rollout/0/percent", value) for value in (-1, 101, True, 1.5, "5")],
    ("/rollout/0/percentage", 5),
    *[("/signals/bought/data", value) for value in (MISSING, None, "gone")],
    ("/signals/sad/sets", 1),
    ("/signals/sad/clears", ""),
    *[("/detectors", value) for value in ([], "x")],
    ("/detectors/gone/unknown", 1),
    *[("/detectors/gone/rule", value) for value in (MISSING, "guess", 1)],
    *[("/detectors/gone/times", value) for value in (MISSING, 0, 0.5, "2", True, 1000, float("nan"))],
    # A key of another rule.
    ("/detectors/gone/threshold", 5),
    ("/detectors/ends/times", 2),
    *[("/detectors/gone/purpose", value) for value in (MISSING, "gone", 1)],
    # A purpose in the policy that does not cover what is read.
    ("/detectors/gone/data/0", "identity"),
    *[("/detectors/gone/data", value) for value in (MISSING, [], ["usage"], "orders")],
    *[("/detectors/gone/stage", value) for value in (MISSING, "on", None)],
    *[("/detectors/gone/percent", value) for value in (-1, 101, "5")],
    *[("/detectors/gone/cooldown", value) for value in ("30 days", "P0D", 30)],
    *[("/detectors/gone/proposes", value) for value in (MISSING, None, "refill")],
    ("/detectors/gone/proposes/programme", "gone"),
    # What ships by itself is not proposed, nor what asks nobody, nor a rung that is not there.
    *[("/detectors/gone/proposes/strategy", value) for value in ("automate", "respond", "coach", MISSING)],
    ("/detectors/gone/proposes/price", 1),
    ("/detectors/ends/proposes", {"programme": "refill", "strategy": "curate", "sku": "a", "offer": "b"}),
    *[("/detectors/gone/measure", value) for value in (MISSING, {}, [])],
    *[("/detectors/gone/measure/signals", value) for value in ([], ["gone"], MISSING)],
    *[("/detectors/gone/measure/within_days", value) for value in (0, MISSING, "30")],
    ("/detectors/gone/measure/absent", 1),
    ("/detectors/gone/texts/xx", "x"),
    *[("/detectors/ends/within_days", value) for value in (MISSING, 0)],
    *[("/detectors/unhappy/rating", value) for value in ({"stars": 1}, {"csat": 6}, {"nps": -1}, [])],
    ("/detectors/unhappy/rating/nps", "6"),
    *[("/detectors/unhappy/signals", value) for value in ("bought", ["bought", "bought"], [1])],
    # Signals that the policy does not know, or that are of other data than the detector names.
    ("/detectors/unhappy/data", ["usage"]),
    # Somebody dissatisfied is not sold to, nor somebody found by way of it.
    ("/detectors/unhappy/proposes", {"programme": "refill", "strategy": "curate", "offer": "help"}),
    ("/detectors/leaves/proposes", {"programme": "refill", "strategy": "curate", "offer": "help"}),
    # About nobody's product, so it must say which.
    ("/detectors/leaves/proposes", {"programme": "help", "strategy": "coach"}),
    *[("/detectors/leaves/weights", value) for value in (MISSING, {}, {"leaves": 100}, {"gone": 0})],
    *[("/detectors/leaves/threshold", value) for value in (MISSING, 0, 101)],
]


def fault_paths(document: Any) -> list[str]:
    return [fault.path for fault in check_policy(document)]


def test_sound_policies_have_no_fault() -> None:
    assert check_policy(WHOLE) == []
    for name in ("pharmacy", "fashion"):
        assert check_policy(json.loads((VECTORS / f"policy-{name}.json").read_text())) == []


@pytest.mark.parametrize(("path", "value"), FAULTS)
def test_a_fault_is_found_at_its_path(path: str, value: object) -> None:
    found = fault_paths(put(WHOLE, path, value))
    assert any(each == path or each.startswith(f"{path}/") for each in found), found


@pytest.mark.parametrize("document", [None, [], "policy", 1, {}])
def test_what_is_no_policy_at_all(document: Any) -> None:
    found = fault_paths(document)
    assert found == ([""] if document != {} else ["/format", "/default_level", "/purposes", "/programmes"])


def test_keys_must_be_text() -> None:
    for key in (1, None, True, ("a",)):
        assert fault_paths(WHOLE | {key: {}}) == [""]
        assert "/data" in fault_paths(put(WHOLE, "/data", {**WHOLE["data"], key: {"sharing": "choice"}}))


def test_what_an_essential_programme_rests_on_and_a_prescription_allows() -> None:
    document = put(WHOLE, "/programmes/recall/ladder/coach", ["deliver", "offers", "tips"])
    assert fault_paths(document) == ["/programmes/recall/ladder/coach/1", "/programmes/recall/ladder/coach/2"]
    assert fault_paths(put(document, "/programmes/recall/essential", False)) == []
    # A prescription inherits its limit, also from `*`; without one it is refused.
    loose = put(WHOLE, "/categories/health.rx/max", "curate")
    assert fault_paths(loose) == ["/categories/health.rx/max", "/categories/health.rx.sleep/max"]
    assert fault_paths(put(loose, "/categories/*", {"max": "respond"})) == []
    assert fault_paths(put(loose, "/categories/health.rx/max", MISSING)) == [
        *("/categories/health.rx/max", "/categories/health.rx.sleep/max"),
    ]


def test_every_fault_is_found_at_once_and_the_policy_is_refused_whole() -> None:
    document = put(put(put(WHOLE, "/format", "x"), "/data/usage/sharing", "x"), "/rollout/1/stage", "x")
    with pytest.raises(PolicyRefused) as refusal:
        load_policy(document)
    assert [fault.path for fault in refusal.value.faults] == [
        "/format",
        "/data/usage/sharing",
        "/rollout/1/stage",
    ]
    assert "/rollout/1/stage: unknown stage 'x'; known: off" in str(refusal.value)


def test_free_json_may_not_be_endless() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    assert len(fault_paths(put(WHOLE, "/controller/deep", deep))) == 1
    loop: list[Any] = []
    loop.append(loop)
    assert len(fault_paths(put(WHOLE, "/recipients/1", {"loop": None}) | {"controller": {"loop": loop}})) == 1


@settings(max_examples=300, derandomize=True, deadline=None)
@given(randoms)
def test_no_document_breaks_the_check(rng: Dice) -> None:
    """Any value may stand anywhere: faults are listed, or the policy loads."""
    junk = (None, True, 0, -1, 1.5, "", "x", "off", "\ud800", [], [None], [[]], {}, {"": 1}, {1: 2}, 10**30)
    document = deepcopy(rng.choice((WHOLE, make_policy(rng))))
    for _ in range(rng.randrange(1, 4)):
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.7:
                place = place[key]
                continue
            place[key] = rng.choice(junk)
            break
    if not check_policy(document):
        load_policy(document)


def test_a_loaded_policy_gives_what_others_need() -> None:
    policy = load_policy(WHOLE)
    assert policy.document is WHOLE
    assert policy.default_level is Level.off
    offers = policy.purposes["offers"]
    assert (offers.basis, offers.data, offers.valid_for) == ("consent", ("orders", "usage"), "P1Y6M")
    assert (offers.min_notice_version, offers.explicit, offers.direct_marketing) == (2, True, True)
    assert policy.data["orders"].necessary
    assert not policy.data["usage"].necessary
    assert policy.programmes["refill"].ladder == {Level.curate: ("offers",), Level.respond: ("deliver",)}
    assert not policy.programmes["refill"].capped
    assert policy.programmes["recall"].essential
    assert policy.channels["email"].opt_in
    assert policy.signals["sad"].sets == "grief"
    assert policy.categories["health.rx"].max is Level.respond
    assert policy.suppressions["away"].programmes is None
    assert policy.prefixes("health.rx.sleep.pill") == ("*", "health", "health.rx", "health.rx.sleep")
    assert policy.prefixes("toys") == ("*",)
    assert policy.prefixes("*") == ("*",)
    assert policy.knows_category("health.gone")
    assert not policy.knows_category("healthy")
    assert not policy.knows_category("*")


def test_the_longest_window() -> None:
    policy = load_policy(put(WHOLE, "/channels/email/caps/0/hours", 720))
    assert policy.longest_window().days == 30
    assert load_policy(put(WHOLE, "/contact_caps/0/hours", 24)).longest_window().days == 7
    assert load_policy(put(WHOLE, "/contact_caps/0/hours", 240)).longest_window().days == 10
    mandates = [
        Mandate("m1", "*", "SEK", 1, spend_days=40),
        Mandate("m2", "*", "SEK", 1, min_days_between=90),
    ]
    assert [policy.longest_window(mandates[:n]).days for n in range(3)] == [30, 40, 90]
    assert policy.longest_window([Mandate("m1", "*", "SEK", 1)]).days == 30


def test_an_endless_path_costs_nothing() -> None:
    policy = load_policy(WHOLE)
    assert policy.prefixes("health." + "a." * 1_000_000) == ("*", "health")
    assert not policy.knows_category("a." * 1_000_000)


def test_a_version_that_nobody_could_consent_under_is_a_fault() -> None:
    lower = put(WHOLE, "/purposes/offers/min_notice_version", 3)
    assert fault_paths(lower) == ["/purposes/offers/notice/version"]


def test_a_major_version_of_a_notice_is_the_least_that_serves_and_a_revision_is_not() -> None:
    def accepted(**changes: Any) -> int:
        document = deepcopy(WHOLE)
        document["purposes"]["offers"] |= changes
        return load_policy(document).purposes["offers"].min_notice_version

    assert accepted(notice={"version": 3}) == 3
    assert accepted(notice={"version": 2, "revision": 9}) == 2
    assert accepted(notice=None, min_notice_version=1) == 1
    document = put(WHOLE, "/notices/offers", {"version": 4}) | {}
    document["purposes"]["offers"].pop("notice")
    assert load_policy(document).purposes["offers"].min_notice_version == 4


def test_a_detector_reads_only_what_its_purpose_covers() -> None:
    """Of sound entries, the reach is checked: the purpose of the reading and that of the proposed rung."""
    narrow = put(WHOLE, "/purposes/deliver/data", ["usage"])
    assert "/detectors/unhappy/data/0" in fault_paths(narrow)
    unknown = put(WHOLE, "/signals/purchase", MISSING)
    assert "/detectors/gone/rule" in fault_paths(put(unknown, "/detectors/gone/measure/signals", ["bought"]))
    other = put(WHOLE, "/signals/purchase/data", "usage")
    assert "/detectors/gone/data" in fault_paths(other)
    measured = put(WHOLE, "/detectors/unhappy/measure/signals", ["sad"])
    assert fault_paths(measured) == ["/detectors/unhappy/measure/signals"]


def test_detectors_are_read_with_what_they_look_at() -> None:
    detectors = load_policy(WHOLE).detectors
    assert detectors["gone"].types == ("purchase",)
    assert detectors["unhappy"].types == ("rating", "bought")
    assert set(detectors["leaves"].types) == {"purchase", "rating", "bought"}
    assert (detectors["ends"].percent, detectors["ends"].cooldown) == (0, "P30D")
    assert load_policy(put(WHOLE, "/detectors", MISSING)).detectors == {}


def test_a_programme_of_tips_orders_nothing() -> None:
    tips = {"ladder": {"coach": ["deliver"]}, "about": "owned", "after_contacts": 3}
    document = put(WHOLE, "/programmes/tips", tips)
    assert fault_paths(document) == []
    programme = load_policy(document).programmes["tips"]
    assert (programme.about_owned, programme.after_contacts) == (True, 3)
    assert not load_policy(document).programmes["refill"].about_owned
    automatic = put(document, "/programmes/tips/ladder", {"coach": ["deliver"], "automate": ["deliver"]})
    assert fault_paths(automatic) == ["/programmes/tips/ladder/automate"]
