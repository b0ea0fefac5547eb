"""`samtycke policy check`, and how a policy document is read from a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from service.cli.documents import DocumentError, read_document
from service.cli.policy import policy

VECTORS = Path(__file__).parents[1] / "policy" / "vectors"
Write = Callable[..., Path]
FASHION = VECTORS / "policy-fashion.json"


def check(file: Path) -> Result:
    return CliRunner().invoke(policy, ["check", str(file)])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_(text: str | bytes, name: str = "policy.yaml") -> Path:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write_


@pytest.mark.parametrize("name", ["pharmacy", "fashion"])
def test_a_sound_policy(name: str, write: Write) -> None:
    file = VECTORS / f"policy-{name}.json"
    for each in (file, write(yaml.safe_dump(json.loads(file.read_text())))):
        result = check(each)
        assert result.exit_code == 0
        assert result.output.startswith("OK: ")


def test_every_fault_is_printed_with_its_path(write: Write) -> None:
    document = json.loads(FASHION.read_text()) | {"default_level": "full", "extra": 1}
    document["data"]["sizes"]["sharing"] = "always"
    for file in (write(json.dumps(document), "policy.json"), write(yaml.safe_dump(document))):
        result = check(file)
        assert result.exit_code == 1
        paths = [line.partition(":")[0] for line in result.stdout.splitlines()]
        assert sorted(paths) == ["/data/sizes/sharing", "/default_level", "/extra"]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "p.yaml", "the key 'a' stands here twice"),
        ("a: {b: 1, b: 1}", "p.yaml", "the key 'b' stands here twice"),
        ('{"a": {"b": 1, "b": 1}}', "p.json", "the key 'b' stands here twice"),
        ("a: &x 1\nb: *x\n", "p.yaml", "aliases are not read"),
        ("a: [1", "p.yaml", "line 1"),
        ('{"a": ', "p.json", "line 1"),
        ("a: !!python/object/apply:os.system [ls]", "p.yaml", "could not determine a constructor"),
        ("a: 1\n---\nb: 2\n", "p.yaml", "single document"),
        ("[" * 100_000, "p.yaml", "too deep"),
        ("[" * 100_000, "p.json", "too deep"),
        (b"\xff\xfe\xff", "p.yaml", "not UTF-8"),
        ("a: \x00", "p.yaml", "special characters are not allowed"),
        ("a: " + "9" * 5_000, "p.yaml", "digits"),
    ],
)
def test_a_file_that_cannot_be_read(text: str | bytes, name: str, said: str, write: Write) -> None:
    result = check(write(text, name))
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for file in (tmp_path / "gone.yaml", tmp_path):
        result = check(file)
        assert result.exit_code == 1
        assert str(file) in result.stderr


@pytest.mark.parametrize("text", ["", "~", "policy", "[]", "1"])
def test_a_file_that_holds_something_else(text: str, write: Write) -> None:
    result = check(write(text))
    assert result.exit_code == 1
    assert result.stdout.startswith("(document): ")


def test_words_stay_words(write: Write) -> None:
    lines = ["max: off", "to: 08:00", "from: 21:00", "on: yes", "day: 2027-01-01", "merge: <<"]
    lines += ["ten: 010", "none:", "half: 0.5", "no: null", "is: true"]
    assert read_document(write("\n".join(lines))) == {
        **{"max": "off", "to": "08:00", "from": "21:00", "on": "yes", "day": "2027-01-01"},
        **{"merge": "<<", "ten": 10, "none": None, "half": 0.5, "no": None, "is": True},
    }


def test_the_error_says_what_is_wrong(write: Write) -> None:
    with pytest.raises(DocumentError, match="twice"):
        read_document(write("a: 1\na: 1\n"))
