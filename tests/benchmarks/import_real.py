"""The import on a real transaction set: `python -m tests.benchmarks.import_real --lines 100000`.

It starts a durable PostgreSQL and a broker of its own in a temporary folder, registers the set's households
with mixed choices, imports, runs one bulk job over all of them, looks for run-outs as on the day after the
last transaction, and prints what came out.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from service.actor import system_actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.embedded.postgres import Postgres
from service.embedded.programs import Running
from service.embedded.valkey import Valkey
from service.imports.checkpoint import Counts
from service.imports.import_purchases import import_purchases
from service.imports.purchases import Dialect
from service.imports.source import ImportFile
from service.logging import configure_logging
from service.storage.migrate import migrate
from service.storage.policies import publish_policy
from service.storage.unit import Unit
from service.use_cases.propose_reorders import Scanned, propose_reorders
from tests.benchmarks.bulk_job import run_job
from tests.benchmarks.households import policy_for, register_households
from tests.benchmarks.real_set import HEADER, MAPS, Goods, extract

SEED = 20171231
AFTER_ALL = datetime(2018, 1, 1, tzinfo=UTC)
_BATCH = 25
_FAVOURITES = 40


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=100_000, help="transactions; 0: all 1,469,307")
    lines = arguments.parse_args().lines
    configure_logging(level="WARNING")
    folder = Path(tempfile.mkdtemp(prefix="samtycke-real-"))
    folder.chmod(0o711)
    try:
        sales, goods = extract(folder, lines)
        with _installation(folder) as services:
            _measure(services, sales, goods)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _installation(folder: Path) -> Iterator[Services]:
    postgres = Postgres(folder, folder / "postgres.log")
    postgres.prepare()
    valkey = Valkey(folder / "valkey", folder / "valkey.log")
    valkey.prepare()
    running = [Running(postgres.program), Running(valkey.program)]
    try:
        while not (postgres.is_ready() and valkey.is_ready()):
            time.sleep(0.05)
        url = postgres.url("samtycke")
        migrate(url)
        create_key_file(folder / "keys" / "keys.json")
        services = build_services(
            Config.from_environ(
                {
                    "SAMTYCKE_HOME": str(folder),
                    "SAMTYCKE_DATABASE_URL": url,
                    "SAMTYCKE_BROKER_URL": valkey.url(),
                }
            )
        )
        yield services
        services.close()
    finally:
        for one in reversed(running):
            one.stop()


def _measure(services: Services, sales: Path, goods: list[Goods]) -> None:
    with services.database.transaction() as db:
        publish_policy(db, policy_for(goods), services.now)
        with db.cursor().copy(
            "copy products (sku, category, name, pack_size, price_minor, currency, updated_at) from stdin"
        ) as copy:
            for each in goods:
                copy.write_row((each.sku, each.category, each.sku, 1, 300, "USD", services.now))
    favourites = _favourites(sales)
    with _timed("register", len(favourites), "households"):
        subjects = register_households(services, favourites, SEED)
    counts = _import(services, sales)
    print(f"  stored {counts.stored:,}, duplicate {counts.duplicate:,}")
    print(f"  refused {counts.refused}")
    print(f"  rejected {counts.rejected}")
    print(f"  reject file {sales.with_name('sales.csv.rejects.csv').stat().st_size / 1e6:.1f} MB")
    run_job(services, subjects, favourites)
    with _timed("scan", len(favourites), "households"):
        scanned = _scan(services)
    print(f"  {scanned}")


def _favourites(sales: Path) -> dict[str, list[str]]:
    """What each household bought most often."""
    bought: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with sales.open(newline="") as file:
        for row in csv.DictReader(file):
            bought[row["household_id"]][row["product_id"]] += 1
    return {
        household: [sku for sku, _ in bought[household].most_common(_FAVOURITES)]
        for household in sorted(bought, key=int)
    }


def _import(services: Services, sales: Path) -> Counts:
    mapping = dict(zip(MAPS, (HEADER[i] for i in range(len(HEADER))), strict=True))
    source = ImportFile(sales, mapping=mapping, dialect=Dialect(currency="USD"))
    with _timed("import", sum(1 for _ in sales.open("rb")) - 1, "lines"):
        return import_purchases(services, source)


def _scan(services: Services) -> Scanned:
    """Every household once, as on the day after the last transaction."""
    with services.database.connection() as db:
        db.execute("update subjects set forecast_due = %s", (AFTER_ALL,))
    total = Scanned()
    while True:
        with services.database.transaction() as db:
            in_force = services.policies.in_force(db)
            actor = system_actor("forecast")
            unit = Unit(db, services.keyring, services.index, in_force, actor, AFTER_ALL)
            scanned = propose_reorders(unit, _BATCH)
        total += scanned
        if scanned.looked < _BATCH:
            return total


@contextmanager
def _timed(what: str, number: int, unit: str) -> Iterator[None]:
    """Elapsed time, and this process's own: the machine may have other work, and PostgreSQL has its share."""
    started, worked = time.perf_counter(), time.process_time()
    yield
    seconds, own = time.perf_counter() - started, time.process_time() - worked
    print(
        f"{what}: {number:,} {unit} in {seconds:.1f} s, {number / seconds:,.0f}/s"
        f" ({own:.1f} s of it this process, {number / own:,.0f}/s)"
    )


if __name__ == "__main__":
    main()
