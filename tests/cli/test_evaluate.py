"""`samtycke evaluate`: the same answers as everywhere else (promise P5), and a word about every bad line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.evaluate import evaluate

VECTORS = Path(__file__).parents[1] / "policy" / "vectors"
LINES = (VECTORS / "decisions.jsonl").read_text().splitlines()
FASHION = VECTORS / "policy-fashion.json"
GOOD = next(line for line in LINES if '"policy":"fashion"' in line)


def run(*arguments: str | Path, cases: str | bytes | None = None) -> Result:
    return CliRunner().invoke(evaluate, [str(argument) for argument in arguments], input=cases)


@pytest.mark.parametrize("name", ["pharmacy", "fashion"])
def test_every_vector(name: str, tmp_path: Path) -> None:
    cases = [line for line in LINES if json.loads(line)["policy"] == name]
    assert len(cases) > 300
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(cases))
    result = run("--policy", VECTORS / f"policy-{name}.json", file)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.splitlines() == [json.dumps(json.loads(line)["expected"]) for line in cases]


@pytest.mark.parametrize("argument", [[], ["-"]])
def test_cases_come_from_standard_input(argument: list[str]) -> None:
    result = run("--policy", FASHION, *argument, cases=f"\n{GOOD}\n\n")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(GOOD)["expected"]


def test_a_bad_line_is_reported_with_its_number_and_every_fault_and_the_rest_decided() -> None:
    good = json.loads(GOOD)
    bad = [
        "{",
        "[]",
        '{"now": 1, "now": 2}',
        json.dumps(
            {"now": "2027-01-01", "state": {"subject": "s", "status": "gone"}, "candidate": {}, "x": 1}
        ),
        json.dumps({**good, "state": {**good["state"], "levels": {"a": "full"}, "timezone": "Mars"}}),
        json.dumps({key: good[key] for key in ("now", "candidate")}),
        "[" * 100_000,
        '{"now": ' + "9" * 5_000 + "}",
        json.dumps({**good, "candidate": {**good["candidate"], "id": "\ud800"}}),
    ]
    result = run("--policy", FASHION, cases="\n".join([GOOD, *bad, GOOD]))
    assert result.exit_code == 1
    assert [json.loads(line) for line in result.stdout.splitlines()] == [good["expected"]] * 2
    said = result.stderr.splitlines()
    assert [line.split(":")[0] for line in said if line.startswith("line 5")] == ["line 5"] * 11
    for start in (
        *("line 2: (document): is not JSON", "line 3: (document): must be an object"),
        "line 4: (document): is not JSON: the key 'now' stands here twice",
        *(
            "line 5: /x: unknown key",
            "line 5: /now: not an RFC 3339",
            "line 5: /state/status: unknown status",
        ),
        *("line 5: /candidate/id: is missing", "line 6: /state/timezone: unknown time zone"),
        *("line 6: /state/levels/a: unknown level", "line 7: /state: is missing"),
        *("line 8: (document)", "line 9: ", "line 10: /candidate/id: must be valid Unicode"),
    ):
        assert any(line.startswith(start) for line in said), start


def test_bytes_that_are_no_text_are_a_bad_line() -> None:
    result = run("--policy", FASHION, cases=b"\xff\xfe\n" + GOOD.encode())
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr.startswith("line 1: (document): is not JSON")


def test_a_policy_with_faults_is_refused_whole(tmp_path: Path) -> None:
    policy = json.loads(FASHION.read_text()) | {"default_level": "full", "extra": 1}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    result = run("--policy", file, cases=GOOD)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "/default_level: unknown level 'full'" in result.stderr
    assert "/extra: unknown key" in result.stderr


def test_a_policy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    result = run("--policy", tmp_path / "gone.yaml", cases=GOOD)
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_a_decision_is_written_before_the_next_case_is_read() -> None:
    """Someone may hold the other end of both pipes."""
    program = [sys.executable, "-c", "from service.cli.evaluate import evaluate; evaluate()"]
    with subprocess.Popen(
        [*program, "--policy", str(FASHION)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=VECTORS.parents[2],
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(GOOD + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == json.loads(GOOD)["expected"]
        process.stdin.close()
        assert process.wait() == 0
