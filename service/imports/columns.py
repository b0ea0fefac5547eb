"""The columns of a purchase file, and how they are found under a shop's own names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.imports.lines import ImportFileError

# Name: what it holds. Those in OPTIONAL may be absent.
COLUMNS = {
    "customer": "who bought: the identifier that the shop registered the person under",
    "sku": "what: the product's number in the catalogue",
    "at": "when: ISO 8601, or as --at-format says; without an offset it is local time in --timezone",
    "price": "for one pack, in whole currency units, as 49.90 or 49,90",
    "quantity": "how many packs; 1 without this column",
    "currency": "ISO 4217; --currency without this column",
    "receipt": "the receipt's number; lines of one receipt stand together",
    "line": "the line's number on its receipt",
}
OPTIONAL = ("quantity", "currency", "receipt", "line")


def read_mapping(options: Sequence[str]) -> dict[str, str]:
    """`column=theirs` options as a mapping. Raises ImportFileError naming the first that cannot be."""
    mapping: dict[str, str] = {}
    for option in options:
        ours, equals, theirs = option.partition("=")
        if not equals or not theirs:
            raise ImportFileError(f"--map {option}: write column=theirs")
        if ours not in COLUMNS:
            raise ImportFileError(f"--map {option}: the columns are {', '.join(COLUMNS)}")
        if ours in mapping:
            raise ImportFileError(f"--map {option}: {ours} is mapped twice")
        mapping[ours] = theirs
    return mapping


def place_columns(header: Sequence[str], mapping: Mapping[str, str], given: Sequence[str]) -> dict[str, int]:
    """Where each column stands. `given` are columns for which an option speaks instead.

    Raises ImportFileError when one is missing or stands twice."""
    names = [name.strip() for name in header]
    places: dict[str, int] = {}
    for column in COLUMNS:
        name = mapping.get(column, column)
        if names.count(name) > 1:
            raise ImportFileError(f"the column {name!r} stands twice in the header")
        if name in names:
            places[column] = names.index(name)
        elif column in mapping:
            raise ImportFileError(f"there is no column {name!r}; the file has {_listed(names)}")
        elif column not in OPTIONAL and column not in given:
            raise ImportFileError(f"there is no column {name!r}; the file has {_listed(names)}; use --map")
    if "currency" not in places and "currency" not in given:
        raise ImportFileError("there is no column 'currency'; map one or give --currency")
    if "line" in places and "receipt" not in places:
        raise ImportFileError("a column for 'line' needs one for 'receipt'")
    return places


def _listed(names: Sequence[str]) -> str:
    shown = [repr(name[:40]) for name in names[:20]]
    return ", ".join(shown) + (", …" if len(names) > 20 else "")
