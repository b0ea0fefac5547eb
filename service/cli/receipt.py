"""`samtycke receipt`: what whoever holds a receipt can find out by themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from schemas.receipts import KANTARA, RECEIPT, faults_of
from service.cli.documents import unique_keys
from service.receipts import canonical
from service.receipts.verify import Verdict, verify_receipt

FALSE, UNREADABLE, UNPROVEN = 1, 2, 3
_MOST_BYTES = 4 * 1024 * 1024


@click.group()
def receipt() -> None:
    """Look at receipts of consent."""


@receipt.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", help="The log's public key, name+hash+base64, from wherever you trust.")
def verify(file: Path, key: str | None) -> None:
    """Check the receipt in FILE (JSON-LD or Kantara) without asking anybody.

    Exit codes: 0 it is proven; 1 something is wrong; 2 it cannot be read; 3 nothing is wrong, and not all of
    it is proven.
    """
    document = _read(file)
    name = RECEIPT if "@context" in document else KANTARA
    faults = faults_of(document, name)
    if faults:
        for fault in faults:
            _say("WRONG", fault)
        raise SystemExit(FALSE)
    _say("ok", f"the file is a valid {'ISO/IEC TS 27560' if name == RECEIPT else 'Kantara 1.1'} receipt")
    if name == KANTARA:
        _say("??", "this format carries no proof: ask for the same receipt as application/ld+json")
        raise SystemExit(UNPROVEN)
    verdict = verify_receipt(document, key)
    _show(verdict)
    _show_what(document)
    if verdict.wrong:
        click.echo("This receipt is false.")
        raise SystemExit(FALSE)
    if not verdict.proven:
        click.echo("Nothing is wrong with this receipt, and not all of it is proven.")
        raise SystemExit(UNPROVEN)
    click.echo("This receipt is true: the log holds the event that it tells of.")


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            return _parse(opened.read(_MOST_BYTES + 1))
    except (OSError, ValueError, RecursionError) as error:
        click.echo(f"{file} cannot be read: {error}", err=True)
        raise SystemExit(UNREADABLE) from None


def _parse(data: bytes) -> dict[str, Any]:
    if len(data) > _MOST_BYTES:
        raise ValueError("it is too large for a receipt")
    document = json.loads(
        data, object_pairs_hook=unique_keys, parse_float=_no_fraction, parse_constant=_no_fraction
    )
    # Text that UTF-8 cannot carry is found here, before anything is computed from it.
    canonical({"document": document})
    if isinstance(document, dict):
        return document
    raise ValueError("it is not a JSON object")


def _no_fraction(text: str) -> None:
    raise ValueError(f"it holds {text[:20]}, and a receipt has whole numbers alone")


def _show(verdict: Verdict) -> None:
    for mark, lines in (("ok", verdict.right), ("??", verdict.untold), ("WRONG", verdict.wrong)):
        for line in lines:
            _say(mark, line)


def _show_what(document: dict[str, Any]) -> None:
    """What the receipt says, so that nobody takes a true receipt for another one."""
    [record] = document["dpv:hasRecordOfActivity"]
    [status], [process] = record["dpv:hasConsentStatus"], record["dpv:hasProcess"]
    about = [each["dct:identifier"] for each in process["dpv:hasPurpose"] if isinstance(each, dict)]
    state = status["@type"][0].removeprefix("dpv:")
    person = record["dpv:hasDataSubject"].rpartition(":")[2]
    company = record["dpv:hasDataController"]["dpv:hasName"]
    says = f"{state} for {', '.join(about)}, {status['dpv:isIndicatedAtTime']}, by {person}, to {company}"
    _say("says", says)


def _say(mark: str, line: str) -> None:
    # A file can hold anything, and a terminal would obey some of it.
    shown = "".join(c if c.isprintable() else "\ufffd" for c in line)
    click.echo(f"{mark:>5}  {shown}")
