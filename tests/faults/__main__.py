"""`make faults`: the model, then a real installation under faults for as long as wanted."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.installation import empty_folder
from tests.faults.run import HISTORY, Plan, run
from tests.faults.spin import BROKEN, MISSING, PROPERTIES, explore, is_installed
from tests.workers import rabbitmq


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long clients work and faults happen")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to do the same again")
    parser.add_argument("--broker", choices=("valkey", "rabbitmq"), default="valkey")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--switch", default=None, help="break the product on purpose (tests/faults/broken)")
    parser.add_argument("--keep", action="store_true", help="keep the folder even when nothing was found")
    given = parser.parse_args()
    held = _check_model()
    if given.broker == "rabbitmq" and not rabbitmq.is_installed():
        print("RabbitMQ is not installed here (Debian: apt-get install rabbitmq-server): run skipped")
        return 0 if held else 1
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    plan = Plan(
        seed=seed,
        seconds=given.minutes * 60,
        clients=given.clients,
        people=16,
        longest=40.0 if given.minutes >= 2 else 8.0,
        broker=given.broker,
        switch=given.switch,
    )
    folder = Path(tempfile.mkdtemp(prefix="samtycke-faults-"))
    folder.chmod(0o711)
    began = time.monotonic()
    print(f"seed {seed}, {given.minutes:g} minutes, broker {given.broker}, in {folder}", flush=True)
    report = run(plan, folder, lambda text: print(f"{time.monotonic() - began:7.1f} s  {text}", flush=True))
    print(*report.lines(), sep="\n")
    if report.violations or given.keep:
        print(f"history: {folder / HISTORY}; logs: {folder / 'home' / 'logs'}")
    else:
        empty_folder(folder)
    return 1 if report.violations or report.unread or not held else 0


def _check_model() -> bool:
    """Whether the model holds and its broken variants do not; where spin is missing, a line says so."""
    if not is_installed():
        print(MISSING)
        return True
    held = True
    with tempfile.TemporaryDirectory() as folder:
        for prop in PROPERTIES:
            found = explore(Path(folder), prop)
            held &= found.errors == 0
            print(f"model: {prop} {'holds' if found.errors == 0 else 'is broken'}, {found.states} states")
        for variant, prop in BROKEN.items():
            caught = explore(Path(folder), prop, variant).errors == 1
            held &= caught
            print(f"model: {variant} is {'caught' if caught else 'not caught'} by {prop}")
    return held


if __name__ == "__main__":
    sys.exit(main())
