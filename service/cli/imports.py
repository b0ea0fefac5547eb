"""`samtycke import`: a shop's files, through the same consent gate as the HTTP interface."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import available_timezones

import click
import psycopg

from schemas.codes import COUNTRIES, CURRENCIES
from service.bootstrap import build_services
from service.config import Config
from service.crypto.blind_index import IDENTIFIER_TYPES
from service.errors import UnavailableError
from service.imports.checkpoint import Counts
from service.imports.columns import COLUMNS, OPTIONAL, read_mapping
from service.imports.import_purchases import import_purchases
from service.imports.lines import Format, ImportFileError
from service.imports.purchases import Dialect
from service.imports.source import ImportFile

Report = Callable[[Counts, int, int], None]

_LINE_EVERY = 5.0


@click.group("import")
def imports() -> None:
    """Import a shop's files as signals. Nothing is kept that a person's choices do not permit."""


@imports.command(
    epilog="\b\nColumns:\n"
    + "\n".join(
        f"  {name:<9} {text}{' (optional)' if name in OPTIONAL else ''}" for name, text in COLUMNS.items()
    )
    + "\n\nExit code: 0, or 1 if lines were rejected as malformed, 2 for a file that cannot be imported."
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--map", "maps", multiple=True, metavar="COLUMN=THEIRS", help="Their name of a column.")
@click.option("--delimiter", default=",", show_default=True, help="One character, or `tab`.")
@click.option("--encoding", default="utf-8", show_default=True)
@click.option("--timezone", default="UTC", show_default=True, help="Of instants without an offset.")
@click.option("--at-format", help="How `at` is written, as strptime has it; ISO 8601 by default.")
@click.option(
    "--identifier-type", type=click.Choice(IDENTIFIER_TYPES), default="customer_number", show_default=True
)
@click.option("--country", help="Of phone numbers without a country code (ISO 3166-1).")
@click.option("--currency", help="Of prices, in a file without that column (ISO 4217).")
@click.option(
    "--batch", type=click.IntRange(1, 20_000), default=2000, show_default=True, help="Lines a commit."
)
@click.option("--restart", is_flag=True, help="Begin again, even if an interrupted import could go on.")
def purchases(
    *,
    file: Path,
    maps: tuple[str, ...],
    delimiter: str,
    encoding: str,
    timezone: str,
    at_format: str | None,
    identifier_type: str,
    country: str | None,
    currency: str | None,
    batch: int,
    restart: bool,
) -> None:
    """Import FILE, a delimited text file with a header and one purchase a line.

    Lines that were not stored are listed in FILE.rejects.csv with their number and a reason. An import that
    was interrupted goes on where it stopped when the same command is given again; a line that is stored
    already is never stored twice.
    """
    _check_in(timezone, available_timezones(), "--timezone", "is not an IANA time zone")
    _check_in(country, COUNTRIES, "--country", "is not a country code")
    _check_in(currency, CURRENCIES, "--currency", "is not a currency code")
    with _usable():
        source = ImportFile(
            path=file,
            form=Format("\t" if delimiter in ("tab", "\\t") else delimiter, encoding),
            mapping=read_mapping(maps),
            dialect=Dialect(identifier_type, country, timezone, at_format, currency),
            batch=batch,
        )
        counts = _import(source, restart=restart)
    _show(counts, source)
    raise SystemExit(1 if counts.rejected else 0)


def _import(source: ImportFile, *, restart: bool) -> Counts:
    services = build_services(Config.for_running_instance(os.environ), pool_size=2)
    try:
        with _progress(source.checkpoint.exists() and not restart) as report:
            return import_purchases(services, source, restart=restart, report=report)
    except psycopg.OperationalError:
        raise UnavailableError("the database went away; give the same command again to go on") from None
    except KeyboardInterrupt:
        click.echo("Interrupted; give the same command again to go on.", err=True)
        raise SystemExit(130) from None
    finally:
        services.close()


class _UnusableFile(click.ClickException):
    """A file that cannot be imported at all is another thing than one with bad lines."""

    exit_code = 2


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except ImportFileError as error:
        raise _UnusableFile(str(error)) from error


def _check_in(value: str | None, known: set[str] | frozenset[str], option: str, fault: str) -> None:
    if value is not None and value not in known:
        raise click.BadParameter(f"{value!r} {fault}", param_hint=option)


@contextmanager
def _progress(resumed: bool) -> Iterator[Report]:
    """A bar on a terminal, a line every few seconds elsewhere; both on standard error."""
    if resumed:
        click.echo("Going on where an interrupted import stopped.", err=True)
    if not sys.stderr.isatty():
        yield _lines()
        return
    # Loaded here because it takes longer than everything else of a small import.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("")

        def report(counts: Counts, done: int, size: int) -> None:
            bar.update(task, completed=done, total=size, description=_brief(counts))

        yield report


def _lines() -> Report:
    last = time.monotonic()

    def report(counts: Counts, done: int, size: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            click.echo(f"{100 * done // size} % {_brief(counts)}", err=True)

    return report


def _brief(counts: Counts) -> str:
    return f"{counts.lines:,} lines, {counts.stored:,} stored"


def _show(counts: Counts, source: ImportFile) -> None:
    refused, rejected = sum(counts.refused.values()), sum(counts.rejected.values())
    click.echo(f"{counts.lines} lines: {counts.stored} stored, {counts.duplicate} stored before")
    click.echo(f"{refused} refused by the gate{_reasons(counts.refused)}")
    click.echo(f"{rejected} rejected as malformed{_reasons(counts.rejected)}")
    if refused or rejected:
        click.echo(f"Listed in {source.rejects}")


def _reasons(counted: dict[str, int]) -> str:
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(counted.items()))
    return f": {listed}" if listed else ""
