"""Arms of a pilot, and the policy that reads everything tried out as live."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings

from service.policy import Level, evaluate, load_policy
from service.policy.pilots import Arm, arm_of, as_live, bucket_of, stage_for
from tests.policy.generators import Dice, make_case, randoms

PHARMACY = load_policy(json.loads((Path(__file__).parent / "vectors" / "policy-pharmacy.json").read_text()))


def test_arms() -> None:
    def arm(level: Level, category: str, subject: str = "sub_a") -> Arm:
        return arm_of(PHARMACY, "replenishment", level, category, subject)

    assert arm(Level.automate, "health.otc.cough") == ("replenishment", "automate", "health.otc", "live")
    assert arm(Level.coach, "beauty.skin") == ("replenishment", "coach", "beauty", "shadow")
    assert arm(Level.coach, "health.otc") == ("replenishment", "coach", "*", "live")
    stages = [arm(Level.automate, "beauty", f"sub_{number}").stage for number in range(1000)]
    assert set(stages) == {"pilot", "outside"}
    assert 550 < stages.count("pilot") < 650


def test_the_bucket_is_that_of_the_evaluator_and_differs_by_seed() -> None:
    # decision.md: SHA-256(`programme:strategy:subject`), worked out by `printf … | sha256sum`.
    assert bucket_of("replenishment:automate", "sub_1") == int("ab9dad2dbc183d93", 16) % 100
    same = sum(bucket_of("a", f"sub_{n}") == bucket_of("b", f"sub_{n}") for n in range(1000))
    assert same < 40


def test_stages_for_one_person() -> None:
    assert [stage_for(stage, 0, "s", "sub_1") for stage in ("off", "shadow", "pilot", "live")] == [
        *("off", "shadow", "outside", "live"),
    ]
    assert stage_for("pilot", 100, "s", "sub_1") == "pilot"


def test_what_is_off_stays_off() -> None:
    document = PHARMACY.document | {
        "rollout": [
            {"strategy": "coach", "stage": "off"},
            {"strategy": "automate", "stage": "shadow"},
            {"strategy": "curate", "stage": "pilot", "percent": 0},
        ]
    }
    live = as_live(load_policy(document))
    assert [entry.stage for entry in live.rollout] == ["off", "live", "live"]
    assert as_live(PHARMACY) is as_live(PHARMACY)
    assert [entry.stage for entry in PHARMACY.rollout] == ["pilot", "live", "shadow"]


@given(randoms)
@settings(max_examples=300)
def test_live_never_permits_less_and_differs_only_where_the_rollout_stood_in_the_way(rng: Dice) -> None:
    case = make_case(rng)
    policies = (case.policy, as_live(case.policy))
    real, other = (evaluate(each, case.state, case.candidate, case.now) for each in policies)
    assert (other.strategy or 0) >= (real.strategy or 0)
    if other != real:
        assert {"rollout_shadow", "rollout_pilot"} & {reason.code for reason in real.reasons}
