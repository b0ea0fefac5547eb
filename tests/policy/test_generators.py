"""The generators reach what there is to reach; without that the properties would prove little."""

from __future__ import annotations

from collections import Counter

from service.policy import REASON_CODES, REMEDIES, Level, Outcome, evaluate
from tests.policy.generators import Dice, make_case


def test_every_reason_code_remedy_outcome_and_rung_is_reached() -> None:
    seen: Counter[object] = Counter()
    for seed in range(6_000):
        case = make_case(Dice(seed))
        decision = evaluate(case.policy, case.state, case.candidate, case.now)
        seen.update(reason.code for reason in decision.reasons)
        seen.update(reason.remedy.do for reason in decision.reasons if reason.remedy)
        seen.update([decision.outcome, (decision.outcome, decision.strategy)])
    assert [code for code in REASON_CODES if not seen[code]] == []
    assert [verb for verb in REMEDIES if not seen[verb]] == []
    for rung in (Level.curate, Level.coach, Level.automate):
        assert seen[Outcome.allow, rung] > 20
        assert seen[Outcome.defer, rung] > 4
    assert seen[Outcome.downgrade, Level.curate] > 20
    assert seen[Outcome.downgrade, Level.coach] > 20
