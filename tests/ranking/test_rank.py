"""The order of what is permitted is total, whatever order it came in, and loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from service.ranking import Option, rank

ROOT = Path(__file__).parents[2]
_OPTIONS = st.lists(st.tuples(st.text(max_size=2), st.integers(0, 3)), max_size=8)


@given(_OPTIONS, st.randoms(use_true_random=False))
def test_best_first_whatever_came_first(offers: list[tuple[str, int]], chance: object) -> None:
    options = [Option(place, offer, value) for place, (offer, value) in enumerate(offers)]
    ranked = rank(options)
    assert sorted(each.place for each in ranked) == list(range(len(options)))
    order = [(-each.score, offers[each.place][0]) for each in ranked]
    assert order == sorted(order)
    shuffled = list(options)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert rank(shuffled) == ranked


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = "import json, sys, service.ranking; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    strange = {name.partition(".")[0] for name in json.loads(run.stdout)} - sys.stdlib_module_names
    assert {name for name in strange if not name.startswith("_sysconfigdata_")} <= {"service", "__main__"}
