"""How many decisions a second the evaluator makes: PYTHONPATH=. python tests/benchmarks/evaluator.py

Three mixes over the states of the vectors. `single`: one candidate a call. `offers`: one subject, 20
offers of one programme and strategy over the channels in one order, as a shop asks. `strangers`: one
subject, 20 candidates that have little in common, which is the worst case for what is shared.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from service.policy import (
    Candidate,
    Level,
    Policy,
    State,
    evaluate,
    evaluate_all,
    load_policy,
    read_candidate,
    read_now,
    read_state,
)

VECTORS = Path(__file__).parents[1] / "policy" / "vectors"
Case = tuple[Policy, State | None, list[Candidate], datetime]
OFFERS = {
    "pharmacy": ("replenishment", ("identity", "purchases"), ("email", "app")),
    "fashion": ("style", ("orders", "sizes"), ("email", "app")),
}


def read_cases() -> Iterator[tuple[str, Case]]:
    policies = {
        name: load_policy(json.loads((VECTORS / f"policy-{name}.json").read_text())) for name in OFFERS
    }
    for line in (VECTORS / "decisions.jsonl").read_text().splitlines():
        case = json.loads(line)
        candidate = read_candidate(case["candidate"])
        state, now = read_state(case["state"]), read_now(case["now"])
        yield case["policy"], (policies[case["policy"]], state, [candidate], now)


def offers(cases: list[tuple[str, Case]]) -> list[Case]:
    made = []
    for name, (policy, state, (candidate,), now) in cases:
        programme, data, channels = OFFERS[name]
        categories = [path for path in policy.categories if path != "*"][:6]
        asked = Level.coach if len(made) % 2 else Level.curate
        like = replace(
            candidate, programme=programme, strategy=asked, data=data, channels=channels, expires_at=None
        )
        made.append(
            (
                policy,
                state,
                [
                    replace(like, id=f"o{n}", sku=f"p{n}", category=categories[n % len(categories)])
                    for n in range(20)
                ],
                now,
            )
        )
    return made


def strangers(cases: list[tuple[str, Case]]) -> list[Case]:
    pools = {name: [case[2][0] for other, case in cases if other == name] for name in OFFERS}
    return [
        (policy, state, [pools[name][(n * 7 + k * 13) % len(pools[name])] for k in range(20)], now)
        for n, (name, (policy, state, _, now)) in enumerate(cases)
    ]


def rate(cases: list[Case], decide: Callable[[Case], object], rounds: int = 7) -> float:
    """Candidates a second, the median of several rounds."""
    count = sum(len(case[2]) for case in cases)
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        for case in cases:
            decide(case)
        rates.append(count / (time.perf_counter() - start))
    return statistics.median(rates)


def main() -> None:
    cases = list(read_cases())
    singles = [case for _, case in cases]
    print(f"single     {rate(singles, lambda c: evaluate(c[0], c[1], c[2][0], c[3])):>9,.0f}/s")
    print(f"offers     {rate(offers(cases), lambda c: evaluate_all(*c)):>9,.0f}/s")
    print(f"strangers  {rate(strangers(cases), lambda c: evaluate_all(*c)):>9,.0f}/s")


if __name__ == "__main__":
    main()
