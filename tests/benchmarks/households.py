"""The policy for the real set, and its households with mixed choices, from a seed."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from service.actor import system_actor
from service.bootstrap import Services
from service.storage.choices import StoredMandate
from service.storage.subjects import Subject, lock_subject, save_choices
from service.storage.unit import Unit
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from tests.benchmarks.real_set import Goods

POLICY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"
HEALTH = "drug_gm"
REMINDERS, AUTOMATIC, OFFERS, HEALTHY = (
    "replenishment_reminders",
    "automatic_reorder",
    "personal_offers",
    "health_personalisation",
)

# What a household chose, and how many in a hundred did.
PROFILES = {
    "nothing": 20,
    "shares_only": 15,
    "reminders": 20,
    "reminders_and_health": 10,
    "automatic": 15,
    "offers": 10,
    "withdrawn": 5,
    "objects": 5,
}
_GIVES = {
    "reminders": (REMINDERS,),
    "reminders_and_health": (REMINDERS, HEALTHY),
    "automatic": (REMINDERS, AUTOMATIC, HEALTHY, OFFERS),
    "offers": (OFFERS,),
    "withdrawn": (REMINDERS, AUTOMATIC),
    "objects": (REMINDERS, OFFERS),
}
_LEVELS = {"nothing": "off", "shares_only": "respond", "automatic": "automate", "offers": "curate"}


def policy_for(goods: Iterable[Goods]) -> dict[str, Any]:
    """The pharmacy's rules over a grocer's departments; drugs and toiletries count as health."""
    document: dict[str, Any] = json.loads(POLICY.read_text())
    rule: dict[str, Any] = {"requires": [HEALTHY], "min_age": 18}
    document["categories"] = {"*": {}} | {
        department: rule if department == HEALTH else {} for department in {g.department for g in goods}
    }
    document["rollout"] = []
    document["signals"] = {"purchase": {"data": "purchases"}, "usage": {"data": "usage"}}
    return document


def register_households(services: Services, households: Iterable[str], seed: int) -> dict[str, UUID]:
    """Register each under its number with the choices of a profile drawn for it; prints how many of each."""
    choose = random.Random(seed)
    drawn: Counter[str] = Counter()
    subjects: dict[str, UUID] = {}
    for number in households:
        [profile] = choose.choices(list(PROFILES), list(PROFILES.values()))
        drawn[profile] += 1
        with services.unit(system_actor("benchmark")) as unit:
            subjects[number] = _register(unit, number, profile)
    print("households:", ", ".join(f"{name} {count}" for name, count in sorted(drawn.items())))
    return subjects


def _register(unit: Unit, number: str, profile: str) -> UUID:
    born = unit.now.date().replace(year=1970, day=1)
    identifiers = [Identifier("customer_number", number)]
    subject_id = register_subject(unit, RegisterSubject(identifiers, "en", "SE", "UTC", born)).id
    for purpose in _GIVES.get(profile, ()):
        _answer(unit, subject_id, purpose, "given")
        if profile == "withdrawn":
            _answer(unit, subject_id, purpose, "withdrawn")
    subject = lock_subject(unit, subject_id)
    _choose(unit, subject, profile)
    save_choices(unit, subject)
    return subject_id


def _answer(unit: Unit, subject: UUID, purpose: str, status: str) -> None:
    command = RecordConsent(status, Notice(2, "en"), "benchmark", purpose=purpose, explicit=True)
    record_consent(unit, subject, command)


def _choose(unit: Unit, subject: Subject, profile: str) -> None:
    choices = subject.choices
    choices.levels = {"*": _LEVELS.get(profile, "coach")}
    if profile != "nothing":
        choices.sharing = {"purchases": True, "usage": True}
        choices.channels = {"email": True}
    if profile == "objects":
        choices.objections = [REMINDERS, "direct_marketing"]
    if profile == "automatic":
        choices.mandates = [
            StoredMandate("man_benchmark", "*", "USD", 3000, unit.now, text="order with obligation to pay")
        ]
