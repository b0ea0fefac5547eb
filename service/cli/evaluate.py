"""`samtycke evaluate`: decisions from files, with no service, no database and no clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

import click

from service.cli.documents import DocumentError, read_document, unique_keys
from service.cli.policy import show_faults
from service.policy import (
    Decision,
    Fault,
    InputRefused,
    Policy,
    PolicyRefused,
    load_policy,
    read_candidate,
    read_now,
    read_state,
)
from service.policy import (
    evaluate as decide,
)

_KEYS = ("now", "state", "candidate")
# The vectors carry these too; they say nothing about the question.
_IGNORED = ("policy", "expected")

# A policy that cannot be used is another thing than a case that cannot.
_POLICY_REFUSED = 2


@click.command()
@click.option(
    "--policy", "policy_file", required=True, type=click.Path(path_type=Path), help="A policy, YAML or JSON."
)
@click.argument("cases", type=click.File("rb"), default="-")
def evaluate(policy_file: Path, cases: IO[bytes]) -> None:
    """Decide CASES, one JSON object {now, state, candidate} a line, and write a decision for each.

    A line that cannot be read is reported with its number and every fault; the rest is decided, and the
    exit code is 1. A policy with faults is refused whole, with exit code 2.
    """
    policy = _policy_of(policy_file)
    failed = False
    for number, line in enumerate(cases, start=1):
        if not line.strip():
            continue
        try:
            decision = decide_line(policy, line)
        except InputRefused as refusal:
            failed = True
            for fault in refusal.faults:
                click.echo(f"line {number}: {fault}", err=True)
        else:
            click.echo(json.dumps(decision.to_dict()))
    if failed:
        raise SystemExit(1)


def decide_line(policy: Policy, line: bytes) -> Decision:
    """The decision about one line of cases. InputRefused with every fault of now, state and candidate."""
    try:
        case = json.loads(line, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise InputRefused([Fault("", f"is not JSON: {error}")]) from error
    if not isinstance(case, dict):
        raise InputRefused([Fault("", "must be an object")])
    faults = [Fault(f"/{key}", "unknown key") for key in case if key not in (*_KEYS, *_IGNORED)]
    faults += [Fault(f"/{key}", "is missing") for key in _KEYS if key not in case]
    read: dict[str, Any] = {}
    for key, reader in (("now", _read_now), ("state", read_state), ("candidate", read_candidate)):
        if key in case:
            try:
                read[key] = reader(case[key])
            except InputRefused as refusal:
                faults += [Fault(f"/{key}{fault.path}", fault.message) for fault in refusal.faults]
    if faults:
        raise InputRefused(faults)
    return decide(policy, read["state"], read["candidate"], read["now"])


def _read_now(value: Any) -> Any:
    if not isinstance(value, str):
        raise InputRefused([Fault("", "must be text")])
    try:
        return read_now(value)
    except ValueError as error:
        raise InputRefused([Fault("", str(error))]) from error


def _policy_of(file: Path) -> Policy:
    try:
        return load_policy(read_document(file))
    except DocumentError as error:
        click.echo(f"{file}: {error}", err=True)
    except PolicyRefused as refusal:
        click.echo(f"{file} is refused:", err=True)
        show_faults(refusal.faults, err=True)
    raise SystemExit(_POLICY_REFUSED)
