"""Checks of the entries that the evaluator reads, one function for each kind (decision.md, "Inputs")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.policy.instants import EARLIEST_NOW, LONGEST, add_duration
from service.policy.levels import LEVELS, Level
from service.policy.paths import paths_of
from service.policy.quiet import read_clock
from service.policy.reader import Reader, join
from service.policy.supply import check_supply

BASES = ("consent", "contract", "legal_obligation", "legitimate_interest")
DUTIES = ("contract", "legal_obligation")
SHARING = ("necessary", "choice")
ROLLOUT_STAGES = ("off", "shadow", "pilot", "live")

_RUNGS = tuple(name for name, level in LEVELS.items() if level)
_MOST_HOURS = LONGEST.days * 24
_OLDEST = 150
# Between the notice of an automatic order and the order itself (law.md A5).
_LEAST_VETO_HOURS = 72
# What is put off for longer is another need.
_MOST_DELIVERY_DAYS = 60
_MOST_SNOOZE_DAYS = 366
_Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """What a document names, for its entries to refer to: each with its body, whatever the faults of that."""

    purposes: Mapping[str, _Entry]
    data: Mapping[str, _Entry]
    programmes: Mapping[str, _Entry]
    categories: Mapping[str, _Entry]
    channels: Mapping[str, _Entry]

    @classmethod
    def of(cls, document: _Entry) -> Names:
        return cls(*(_bodies(document.get(section)) for section in cls.__slots__))


def _bodies(section: object) -> dict[str, _Entry]:
    if not isinstance(section, Mapping):
        return {}
    return {
        name: body if isinstance(body, Mapping) else {}
        for name, body in section.items()
        if isinstance(name, str)
    }


def check_purpose(reader: Reader, names: Names, _name: str, entry: _Entry, path: str) -> None:
    basis = reader.one_of(entry.get("basis"), f"{path}/basis", BASES, "basis")
    check_names(reader, entry.get("data"), f"{path}/data", names.data, "data category")
    if entry.get("valid_for") is not None:
        check_duration(reader, entry["valid_for"], f"{path}/valid_for")
    if entry.get("min_notice_version") is not None:
        reader.integer(entry["min_notice_version"], f"{path}/min_notice_version")
    for key in ("explicit", "direct_marketing"):
        if entry.get(key) is not None:
            reader.flag(entry[key], f"{path}/{key}")
    # What the evaluator would not enforce must not stand in a policy as if it did.
    for key in ("valid_for", "min_notice_version", "explicit"):
        if basis in BASES and basis != "consent" and entry.get(key):
            reader.fault(f"{path}/{key}", f"means nothing on the basis {basis}: it belongs to consent")
    if basis in DUTIES and entry.get("direct_marketing"):
        reader.fault(f"{path}/direct_marketing", f"cannot rest on {basis}: one may object (Art. 21(2))")


def check_data(reader: Reader, _names: Names, _name: str, entry: _Entry, path: str) -> None:
    reader.one_of(entry.get("sharing"), f"{path}/sharing", SHARING, "sharing")


def check_programme(reader: Reader, names: Names, _name: str, entry: _Entry, path: str) -> None:
    for key in ("capped", "essential"):
        if entry.get(key) is not None:
            reader.flag(entry[key], f"{path}/{key}")
    check_names(reader, entry.get("uses"), f"{path}/uses", names.data, "data category")
    if entry.get("veto_hours") is not None:
        reader.integer(entry["veto_hours"], f"{path}/veto_hours", _LEAST_VETO_HOURS, _MOST_HOURS)
    if entry.get("delivery_days") is not None:
        reader.integer(entry["delivery_days"], f"{path}/delivery_days", 0, _MOST_DELIVERY_DAYS)
    if entry.get("snooze_days") is not None:
        reader.integer(entry["snooze_days"], f"{path}/snooze_days", 1, _MOST_SNOOZE_DAYS)
    _check_tips(reader, entry, path)
    at = f"{path}/ladder"
    ladder = reader.mapping(entry.get("ladder"), at)
    if not ladder and isinstance(entry.get("ladder"), Mapping):
        reader.fault(at, "offers no rung")
    for rung, value in ladder.items():
        rung_at = join(at, rung)
        reader.one_of(rung, rung_at, _RUNGS, "rung")
        purposes = check_names(reader, value, rung_at, names.purposes, "purpose")
        if value is None or value in ([], ()):
            reader.fault(rung_at, "needs purposes of its own")
        for purpose, purpose_at in purposes if entry.get("essential") is True else ():
            basis = names.purposes.get(purpose, {}).get("basis", "contract")
            if basis not in DUTIES:
                reader.fault(purpose_at, f"an essential programme cannot rest on {basis}")


def _check_tips(reader: Reader, entry: _Entry, path: str) -> None:
    """Tips about what the person owns: they order nothing, and alone may be asked for in between."""
    about, after = entry.get("about"), entry.get("after_contacts")
    if about is not None:
        reader.one_of(about, f"{path}/about", ("owned",), "kind of programme")
        ladder = entry.get("ladder")
        if isinstance(ladder, Mapping) and "automate" in ladder:
            reader.fault(f"{path}/ladder/automate", "a tip orders nothing")
    if after is not None:
        reader.integer(after, f"{path}/after_contacts", 1)
        if about is None:
            reader.fault(f"{path}/after_contacts", "belongs to a programme about what is owned")


def check_category(reader: Reader, names: Names, name: str, entry: _Entry, path: str) -> None:
    if name != "*" and (not all(name.split(".")) or ":" in name or "*" in name or name == "default"):
        reader.fault(path, "must be `*` or steps with dots between, without `:`; `default` is taken")
    check_names(reader, entry.get("requires"), f"{path}/requires", names.purposes, "purpose")
    if entry.get("max") is not None:
        reader.one_of(entry["max"], f"{path}/max", LEVELS, "level")
    if entry.get("min_age") is not None:
        reader.integer(entry["min_age"], f"{path}/min_age", 0, _OLDEST)
    check_supply(reader, entry.get("supply"), f"{path}/supply")
    if entry.get("prescription") is True and _limit(names, name) > Level.respond:
        reader.fault(f"{path}/max", "a category on prescription allows nothing above respond")


def _limit(names: Names, category: str) -> Level:
    """The highest rung that a category and what stands above it allow."""
    entries = (names.categories.get(path, {}) for path in ("*", *paths_of(category)))
    limits = [
        LEVELS.get(str(limit), Level.off) for entry in entries if (limit := entry.get("max")) is not None
    ]
    return min(limits, default=Level.automate)


def check_channel(reader: Reader, _names: Names, _name: str, entry: _Entry, path: str) -> None:
    reader.flag(entry.get("opt_in"), f"{path}/opt_in")
    check_caps(reader, entry.get("caps"), f"{path}/caps")
    if entry.get("quiet") is not None:
        quiet = reader.mapping(entry["quiet"], f"{path}/quiet", ("from", "to"))
        for key in ("from", "to"):
            reader.read(quiet.get(key), f"{path}/quiet/{key}", read_clock)


def check_suppression(reader: Reader, names: Names, _name: str, entry: _Entry, path: str) -> None:
    reader.one_of(entry.get("max"), f"{path}/max", LEVELS, "level")
    check_names(reader, entry.get("programmes"), f"{path}/programmes", names.programmes, "programme")


def check_signal(reader: Reader, names: Names, _name: str, entry: _Entry, path: str) -> None:
    reader.one_of(entry.get("data"), f"{path}/data", names.data, "data category")
    for key in ("sets", "clears"):
        if entry.get(key) is not None:
            reader.text(entry[key], f"{path}/{key}")


def check_rollout(reader: Reader, names: Names, value: object, path: str) -> None:
    entry = reader.mapping(value, path, ("programme", "strategy", "category", "stage", "percent"))
    if entry.get("programme") is not None:
        reader.one_of(entry["programme"], f"{path}/programme", names.programmes, "programme")
    reader.one_of(entry.get("strategy"), f"{path}/strategy", _RUNGS, "strategy")
    if entry.get("category") is not None:
        category = reader.text(entry["category"], f"{path}/category")
        # An entry on no known path would never be looked at, and an `off` in it would stop nothing.
        if category != "*" and not any(step in names.categories for step in paths_of(category, 50)):
            reader.fault(f"{path}/category", "no category of the policy lies on this path")
    reader.one_of(entry.get("stage"), f"{path}/stage", ROLLOUT_STAGES, "stage")
    if entry.get("percent") is not None:
        reader.integer(entry["percent"], f"{path}/percent", 0, 100)


def check_caps(reader: Reader, value: object, path: str) -> None:
    for item, at in reader.items(value, path):
        cap = reader.mapping(item, at, ("count", "hours"))
        reader.integer(cap.get("count"), f"{at}/count")
        reader.integer(cap.get("hours"), f"{at}/hours", 1, _MOST_HOURS)


def check_names(
    reader: Reader, value: object, path: str, known: Mapping[str, _Entry], what: str
) -> list[tuple[str, str]]:
    """An optional array of known names, none twice; the known ones with their pointers."""
    found: dict[str, str] = {}
    for item, at in reader.items(value, path):
        name = reader.one_of(item, at, known, what)
        if name in found:
            reader.fault(at, "stands here twice")
        if name is not None:
            found[name] = at
    return list(found.items())


def check_duration(reader: Reader, value: object, path: str) -> None:
    """An ISO 8601 duration that is not nothing and no more than a century."""

    def parse(text: str) -> None:
        start = EARLIEST_NOW
        if not start < add_duration(start, text) <= start + LONGEST:
            raise ValueError("must be more than nothing and at most a century")

    reader.read(value, path, parse)


_EXTRAS = ("texts", "recipients", "retention")
_Check = Callable[[Reader, Names, str, _Entry, str], None]

# Every section of named entries: the keys that an entry may have, and its check.
CHECKS: dict[str, tuple[tuple[str, ...], _Check]] = {
    "purposes": (
        (
            *("basis", "data", "valid_for", "min_notice_version", "explicit", "direct_marketing"),
            *("special", "assessment", "notice", "dpv", "storage", *_EXTRAS),
        ),
        check_purpose,
    ),
    "data": (("sharing", "dpv", "storage", *_EXTRAS), check_data),
    "programmes": (
        (
            *("ladder", "uses", "capped", "essential"),
            *("veto_hours", "delivery_days", "snooze_days", "about", "after_contacts"),
            *_EXTRAS,
        ),
        check_programme,
    ),
    "categories": (
        (
            *("requires", "max", "min_age"),
            *("prescription", "review", "limit_per_order", "limit_per_month", "supply", *_EXTRAS),
        ),
        check_category,
    ),
    "channels": (("opt_in", "quiet", "caps", "dpv", "dpv_data", *_EXTRAS), check_channel),
    "suppressions": (("max", "programmes", *_EXTRAS), check_suppression),
    "signals": (("data", "sets", "clears", *_EXTRAS), check_signal),
}
