"""The decision loads nothing but itself and the standard library (style.md, "One direction")."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# -I leaves out the environment and the user's packages, -S the installed ones.
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import service.policy
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_a_fresh_interpreter_loads_the_standard_library_alone() -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(ROOT)], capture_output=True, text=True, check=True
    )
    loaded = json.loads(run.stdout)
    assert "service.policy.walk" in loaded
    strange = [
        name
        for name in loaded
        if name.partition(".")[0] not in sys.stdlib_module_names
        # The interpreter's own build settings, which zoneinfo asks for; their name differs by platform.
        and not name.startswith("_sysconfigdata_")
        and name != "service"
        and not name.startswith("service.policy")
    ]
    assert strange == []


def test_the_core_opens_no_file_asks_no_clock_and_draws_no_chance() -> None:
    forbidden = ("datetime.now", "time.time", "utcnow", "date.today", "open(", "random", "environ", "print(")
    for path in (ROOT / "service" / "policy").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert [word for word in forbidden if word in text] == [], path.name
