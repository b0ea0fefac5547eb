"""Checks the model of the barrier with spin: translate, compile, look at every state."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).parent / "model" / "barrier.pml"
PROPERTIES = ("barrier", "once", "arrives")
# Each broken variant, and the property that it breaks.
BROKEN = {
    "BROKEN_LOCK": "barrier",
    "EVALUATE_BEFORE_LOCK": "barrier",
    "FORGETFUL_ANSWER": "barrier",
    "FORGETFUL_RECEIVER": "once",
    "NO_LEASE": "arrives",
}
MISSING = "spin and gcc are not installed here (Debian: apt-get install spin gcc): the model is not checked"


@dataclass(frozen=True, slots=True)
class Explored:
    """`errors`: 0 or 1, since the search ends at the first. `states`: how many were looked at."""

    errors: int
    states: int


def is_installed() -> bool:
    return all(shutil.which(program) for program in ("spin", "gcc"))


def explore(folder: Path, prop: str, variant: str | None = None) -> Explored:
    """Look at every state that the model, or its `variant`, can reach. `folder` gets what spin writes."""
    define = [f"-D{variant}"] if variant else []
    _run(folder, "spin", *define, "-a", str(MODEL))
    _run(folder, "gcc", "-O1", "-w", "-o", "pan", "pan.c")
    # What must come at last is looked for under weak fairness: who can go on does at last.
    fair = ["-f"] if prop == "arrives" else []
    told = _run(folder, "./pan", "-a", *fair, "-m100000", "-N", prop)
    errors, states = re.search(r"errors: (\d+)", told), re.search(r"([\d.e+]+) states, stored", told)
    if errors is None or states is None or ("Search not completed" in told and errors[1] == "0"):
        raise RuntimeError(told)
    return Explored(int(errors[1]), int(float(states[1])))


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout
