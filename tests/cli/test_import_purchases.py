"""`samtycke import purchases` on files good and bad, and killed in the middle."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.actor import system_actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.imports.source import ImportFile
from service.storage.identifiers import find_by_identifier
from service.storage.policies import publish_policy
from service.storage.subjects import lock_subject, read_subject, save_choices
from service.use_cases.read_signals import Signal, disclose_signals
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject

POLICY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"
HEADER = "customer,sku,at,quantity,price,currency,receipt"
GOOD = "C-1,soap,2026-03-01 10:00:00,1,49.90,SEK,R1"


@dataclass
class Shop:
    """A shop with customers C-0 to C-9, of whom only the even ones share their purchases."""

    services: Services
    folder: Path

    def environ(self) -> dict[str, str]:
        return {**os.environ, **self.services.config.as_environ(), "SAMTYCKE_BROKER_URL": "redis://nowhere"}

    def write(
        self, *lines: str, name: str = "sales.csv", header: str = HEADER, encoding: str = "utf-8"
    ) -> Path:
        path = self.folder / name
        path.write_bytes("".join(f"{line}\n" for line in (header, *lines)).encode(encoding))
        return path

    def run(self, path: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(path, options),
            check=False,
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def stored(self, customer: str) -> list[Signal]:
        with self.services.unit(system_actor("test")) as unit:
            subject_id = find_by_identifier(unit, "customer_number", customer)
            assert subject_id is not None
            return disclose_signals(unit, read_subject(unit, subject_id))

    def count(self) -> int:
        with self.services.database.connection() as db:
            row = db.execute("select count(*) from signals").fetchone()
        assert row is not None
        return int(row[0])


def command(path: Path, options: Sequence[str] = ()) -> list[str]:
    code = "from service.cli import main; main()"
    return [sys.executable, "-c", code, "import", "purchases", str(path), *options]


def rejects(path: Path) -> list[tuple[int, str, str]]:
    with path.with_name(path.name + ".rejects.csv").open(newline="") as file:
        return [(int(row["line"]), row["reason"], row["sku"]) for row in csv.DictReader(file)]


@pytest.fixture
def shop(database: str, tmp_path: Path) -> Iterator[Shop]:
    key_file = tmp_path / "keys" / "keys.json"
    create_key_file(key_file)
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_KEY_FILE": str(key_file),
        "SAMTYCKE_DATABASE_URL": database,
    }
    services = build_services(Config.from_environ(environ))
    document = json.loads(POLICY.read_text()) | {"signals": {"purchase": {"data": "purchases"}}}
    with services.database.transaction() as db:
        publish_policy(db, document, services.now)
        for sku in ("soap", "cream", "två"):
            db.execute(
                "insert into products (sku, category, name, pack_size, price_minor, currency, updated_at)"
                " values (%s, 'beauty', %s, 1, 500, 'SEK', now())",
                (sku, sku),
            )
    with services.unit(system_actor("test")) as unit:
        for number in range(10):
            identifiers = [Identifier("customer_number", f"C-{number}")]
            if number == 0:
                identifiers.append(Identifier("phone", "+46701234567"))
            subject = register_subject(unit, RegisterSubject(identifiers, "sv", "SE", "Europe/Stockholm"))
            if number % 2 == 0:
                subject = lock_subject(unit, subject.id)
                subject.choices.sharing = {"purchases": True}
                save_choices(unit, subject)
    folder = tmp_path / "files"
    folder.mkdir()
    yield Shop(services, folder)
    services.close()


def test_every_line_is_accounted_for(shop: Shop) -> None:
    path = shop.write(
        "C-2,soap,2026-03-01T10:00:00+01:00,2,49.90,SEK,R1",
        "C-2,soap,2026-03-01T10:00:00+01:00,2,49.90,SEK,R1",  # a second line of the receipt, not a copy
        'C-2,cream,2026-03-01T10:00:00+01:00,1,"49,95",SEK,R1',
        "C-1,soap,2026-03-01 10:00:00,1,49.90,SEK,R2",
        "C-99,soap,2026-03-01 10:00:00,1,49.90,SEK,R3",
        "C-2,unheard,2026-03-01 10:00:00,1,49.90,SEK,R4",
        "",
        "C-2,soap,yesterday,1,49.90,SEK,R5",
        "C-2,soap,2096-03-01,1,49.90,SEK,R5",
        "C-2,soap,2026-03-01,0,49.90,SEK,R5",
        "C-2,soap,2026-03-01,-1,49.90,SEK,R5",
        "C-2,soap,2026-03-01,1.5,49.90,SEK,R5",
        "C-2,soap,2026-03-01,1,1.049.90,SEK,R5",
        "C-2,soap,2026-03-01,1,49.90,XYZ,R5",
        "C-2,a soap,2026-03-01,1,49.90,SEK,R5",
        " ,soap,2026-03-01,1,49.90,SEK,R5",
        "C-2,soap",
        'C-2,"so"ap,2026-03-01,1,49.90,SEK,R5',
    )
    done = shop.run(path)
    assert done.returncode == 1, done.stderr
    assert "17 lines: 3 stored, 0 stored before" in done.stdout
    assert "3 refused by the gate: category_unknown 1, data_not_shared 1, subject_unknown 1" in done.stdout
    assert "11 rejected as malformed" in done.stdout
    assert sorted(rejects(path)) == [
        (5, "data_not_shared", "soap"),
        (6, "subject_unknown", "soap"),
        (7, "category_unknown", "unheard"),
        (9, "at_malformed", ""),
        (10, "at_implausible", ""),
        (11, "quantity_out_of_range", ""),
        (12, "quantity_malformed", ""),
        (13, "quantity_malformed", ""),
        (14, "price_malformed", ""),
        (15, "currency_unknown", ""),
        (16, "sku_malformed", ""),
        (17, "customer_malformed", ""),
        (18, "too_few_columns", ""),
        (19, "malformed", ""),
    ]
    found = shop.stored("C-2")
    assert {s.at for s in found} == {datetime(2026, 3, 1, 9, 0, tzinfo=UTC)}
    assert sorted((s.data["sku"], s.data["quantity"], s.data["price_minor"]) for s in found) == [
        ("cream", 1, 4995),
        ("soap", 2, 4990),
        ("soap", 2, 4990),
    ]
    assert "C-2" not in path.with_name("sales.csv.rejects.csv").read_text()
    # The same again, and the same lines in another file, store nothing.
    again = shop.run(path)
    assert "17 lines: 0 stored, 3 stored before" in again.stdout
    assert len(rejects(path)) == 14
    other = shop.write("C-2,cream,2026-03-01T09:00:00Z,1,49.95,SEK,R1", name="other.csv")
    assert "1 lines: 0 stored, 1 stored before" in shop.run(other).stdout
    assert shop.count() == 3


def test_the_shops_own_names_and_formats(shop: Shop) -> None:
    path = shop.write(
        "070-123 45 67\ttvå\t01.07.2026 08:15\t49,90\tignored",
        "070-123 45 67\tsoap\t01.01.2026 08:15\t5\tignored",
        header="\ufeffKund\tVara\tTid\tPris\tÖvrigt",
        encoding="utf-8",
    )
    maps = [f"--map={pair}" for pair in ("customer=Kund", "sku=Vara", "at=Tid", "price=Pris")]
    form = ["--delimiter=tab", "--at-format=%d.%m.%Y %H:%M", "--timezone=Europe/Stockholm", "--currency=SEK"]
    done = shop.run(path, *maps, *form, "--identifier-type=phone", "--country=SE")
    assert done.returncode == 0, done.stderr
    assert [(s.data["sku"], s.at) for s in shop.stored("C-0")] == [
        ("soap", datetime(2026, 1, 1, 7, 15, tzinfo=UTC)),
        ("två", datetime(2026, 7, 1, 6, 15, tzinfo=UTC)),
    ]


def test_other_encodings(shop: Shop) -> None:
    line = "C-2,två,2026-03-01,1,1,SEK,R1"
    path = shop.write(line, encoding="latin-1")
    wrong = shop.run(path)
    assert (wrong.returncode, rejects(path)) == (1, [(2, "encoding", "")])
    assert shop.run(path, "--encoding=latin-1").returncode == 0
    assert [s.data["sku"] for s in shop.stored("C-2")] == ["två"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", (), "the file is empty"),
        (b"\n\n", (), "the file is empty"),
        (b"\x7fELF\x00\x00\x01", (), "the file is binary"),
        ("customer,sku".encode("utf-16"), (), "UTF-16"),
        (b"customer,sku,at,currency\n", (), "there is no column 'price'"),
        (b"customer,sku,at,price\n", (), "give --currency"),
        (b"customer,sku,at,price,sku\n", ("--currency=SEK",), "stands twice"),
        (b"customer,sku,at,price\n", ("--map=sku=vara",), "there is no column 'vara'"),
        (b"customer,sku,at,price\n", ("--map=vara=sku",), "the columns are"),
        (b"customer,sku,at,price\n", ("--map=sku",), "write column=theirs"),
        (b"customer,sku,at,price\n", ("--map=sku=a", "--map=sku=b"), "mapped twice"),
        (b"customer,sku,at,price\n", ("--encoding=klingon",), "no encoding named"),
        (b"customer,sku,at,price\n", ("--encoding=utf-16",), "cannot be read line by line"),
        (b"customer,sku,at,price\n", ("--delimiter=;;",), "one character"),
        (b"customer,sku,at,price\n", ("--timezone=Mars/Base",), "not an IANA time zone"),
        (b"customer,sku,at,price\n", ("--currency=GOLD",), "not a currency code"),
        (b"kund\xf6,sku,at,price\n", ("--currency=SEK",), "use --encoding"),
        (b'customer,"sku,at,price\n', ("--currency=SEK",), "the header cannot be read"),
    ],
)
def test_a_file_that_cannot_be_imported(
    shop: Shop, content: bytes, options: tuple[str, ...], message: str
) -> None:
    path = shop.folder / "bad.csv"
    path.write_bytes(content)
    done = shop.run(path, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in shop.folder.iterdir()] == ["bad.csv"]


def test_no_file_and_a_folder(shop: Shop) -> None:
    for path, message in ((shop.folder / "none.csv", "does not exist"), (shop.folder, "is a directory")):
        done = shop.run(path)
        assert done.returncode == 2
        assert message in done.stderr


def test_a_quotation_that_never_closes_costs_one_line(shop: Shop) -> None:
    good = [f"C-2,soap,2026-03-{1 + n % 28:02},1,49.90,SEK,R{n}" for n in range(200)]
    multi = 'C-4,soap,2026-03-01,1,49.90,SEK,"R\n1"'
    path = shop.write(*good[:100], '"C-2,soap,2026-03-01,1,49.90,SEK,R', *good[100:], multi)
    done = shop.run(path)
    assert "202 lines: 201 stored" in done.stdout
    assert rejects(path) == [(102, "unclosed_quotation", "")]


def test_an_endless_line_is_one_reject(shop: Shop) -> None:
    path = shop.write("C-2," + "x" * 3_000_000, GOOD.replace("C-1", "C-2"))
    done = shop.run(path)
    assert "2 lines: 1 stored" in done.stdout
    assert rejects(path) == [(2, "line_too_long", "")]


def test_killed_in_the_middle_and_resumed(shop: Shop) -> None:
    lines = []
    for number in range(6000):
        bad = "nonsense" if number % 100 == 7 else f"2026-0{1 + number % 9}-11 10:00:00"
        lines.append(f"C-{number % 10},soap,{bad},1,49.90,SEK,R{number}")
    path = shop.write(*lines)
    options = ("--batch=100",)
    checkpoint = path.with_name("sales.csv.import.json")
    kills = 0
    for stop_at in (500, 2500):
        process = subprocess.Popen(command(path, options), env=shop.environ(), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while shop.count() < stop_at and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        assert checkpoint.exists()
    assert kills == 2
    done = shop.run(path, *options)
    assert "Going on where an interrupted import stopped." in done.stderr
    # 6,000 lines: 60 malformed, all of them of odd customers (number % 100 == 7); odd ones do not share.
    assert "6000 lines" in done.stdout
    assert shop.count() == 3000
    found = rejects(path)
    assert len(found) == len(set(found)) == 3000
    assert sum(reason == "at_malformed" for _, reason, _ in found) == 60
    assert not checkpoint.exists()
    assert "0 stored, 3000 stored before" in shop.run(path, *options).stdout


def test_a_file_that_changed_meanwhile_is_not_resumed(shop: Shop) -> None:
    path = shop.write(*(GOOD.replace("R1", f"R{n}").replace("C-1", "C-2") for n in range(50)))
    checkpoint = path.with_name("sales.csv.import.json")
    first = path.read_bytes().index(b"\n") + 1
    note = {
        "format": "samtycke-import/1",
        "options": "x",
        "offset": first,
        "line": 2,
        "digest": "0" * 64,
        "rejects": 0,
        "counts": {},
    }
    checkpoint.write_text(json.dumps(note))
    assert "other options" in shop.run(path).stderr
    note["options"] = ImportFile(path).options
    checkpoint.write_text(json.dumps(note))
    assert "has changed since" in shop.run(path).stderr
    checkpoint.write_text("{")
    assert "not a checkpoint" in shop.run(path).stderr
    assert shop.count() == 0
    assert shop.run(path, "--restart").returncode == 0
    assert shop.count() == 50


def test_a_folder_that_takes_no_notes_is_found_out_first(shop: Shop) -> None:
    path = shop.write(GOOD.replace("C-1", "C-2"))
    path.with_name("sales.csv.import.json.new").mkdir()
    done = shop.run(path)
    assert done.returncode == 2
    assert "Is a directory" in done.stderr
    assert shop.count() == 0


def test_a_bar_on_a_terminal_and_lines_elsewhere(shop: Shop) -> None:
    path = shop.write(*(GOOD.replace("R1", f"R{n}").replace("C-1", "C-2") for n in range(50)))
    terminal, ours = pty.openpty()
    try:
        process = subprocess.Popen(
            command(path), env=shop.environ() | {"TERM": "xterm"}, stdout=subprocess.DEVNULL, stderr=ours
        )
        assert process.wait(60) == 0
        os.set_blocking(terminal, False)
        shown = os.read(terminal, 100_000).decode()
    finally:
        os.close(terminal)
        os.close(ours)
    assert "100 %" in shown
    assert "50 lines, 50 stored" in shown
    assert shop.run(path).stderr == ""


def test_ctrl_c_says_how_to_go_on(shop: Shop) -> None:
    path = shop.write(*(GOOD.replace("R1", f"R{n}").replace("C-1", "C-2") for n in range(3000)))
    process = subprocess.Popen(
        # Slowly enough that it is still at work when the signal comes.
        command(path, ["--batch=1"]),
        env=shop.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while shop.count() < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"give the same command again to go on" in stderr
    assert b"Traceback" not in stderr
    assert shop.run(path).returncode == 0
    assert shop.count() == 3000


def test_two_imports_of_one_file_do_not_meet(shop: Shop) -> None:
    path = shop.write(GOOD)
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = shop.run(path)
    assert done.returncode != 0
    assert "another import of this file is running" in done.stderr
