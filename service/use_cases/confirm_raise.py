"""Asking once more before a level is raised to automate (law.md C3); whatever lowers one is never asked.

What would change is told in the person's language, with a stamp that fits nothing but exactly this change of
this person at this epoch. The same change with the stamp goes through, and the event keeps what was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from service.crypto.stamp import read_stamp, stamp
from service.errors import ConfirmationRequiredError
from service.explanations import title_of
from service.explanations.amounts import show_money
from service.explanations.catalogue import sentence
from service.explanations.names import category_title
from service.instants import show_instant
from service.policy import LEVEL_NAMES, Level, Policy, State, effective_level
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.level_changes import compare, show_foreseen

# Long enough to read and think; whoever takes longer is told anew what is so by then.
CONFIRM_FOR = timedelta(hours=1)
_KIND = "confirmation"
_AUTOMATE = LEVEL_NAMES[Level.automate]
_Rows = Sequence[Mapping[str, Any]]
_Raised = Mapping[str, tuple[Level, str]]


def confirm_raise(
    unit: Unit, before: Subject, after: Subject, change: Mapping[str, Any], given: str | None
) -> dict[str, Any]:
    """What the event of `change` keeps of the confirmation; nothing where none is asked for. `before` and
    `after` are the locked person, without the change and with it. Raises ConfirmationRequiredError."""
    raised = _raised(unit.policy, before.state(unit.now), after.state(unit.now))
    if not raised or not _is_asked(unit.policy):
        return {}
    locale = before.choices.locale
    rows = [
        show_foreseen(unit, each, locale)
        for each in compare(unit, before, after)
        if each.before.level != each.after.level
    ]
    shown = {"explanation": list(_told(unit.policy, raised, rows, locale)), "changes": rows}
    exactly = {"epoch": before.epoch, "change": change, **shown}
    about = before.id.bytes + msgspec.json.encode(exactly, order="sorted")
    asked_at = None if given is None else read_stamp(unit.index, _KIND, about, given)
    if asked_at is None or unit.now - asked_at >= CONFIRM_FOR:
        raise ConfirmationRequiredError(
            "send the same again with the header Confirmation, if that is what you want",
            confirmation=stamp(unit.index, _KIND, about, unit.now),
            confirm_until=show_instant(unit.now + CONFIRM_FOR),
            **shown,
        )
    return {"confirmed": {"asked_at": show_instant(asked_at), **shown}}


def _is_asked(policy: Policy) -> bool:
    entry = (policy.document.get("levels") or {}).get(_AUTOMATE) or {}
    return entry.get("confirm") is True


def _raised(policy: Policy, before: State, after: State) -> _Raised:
    """The categories whose level rises to automate, each with the level before and the key of `levels` that
    decides now. `*` counts by itself too: categories that the policy does not have yet will follow it."""
    found = {}
    for path in sorted({"*", *policy.categories}):
        (was, _), (to, key) = (effective_level(policy, state, path) for state in (before, after))
        if was < to is Level.automate:
            found[path] = was, key
    return found


def _told(policy: Policy, raised: _Raised, rows: _Rows, locale: str) -> Iterator[str]:
    def level(name: str) -> str:
        return title_of(policy, "levels", name, locale)

    for path, (was, _) in raised.items():
        if _told_above(path, raised) != was:
            name = "confirm.level.all" if path == "*" else "confirm.level"
            on = category_title(policy, path, locale)
            values = {"on": on, "to": level(_AUTOMATE), "was": level(LEVEL_NAMES[was])}
            yield sentence(locale, name, values)
    for row in _outermost(rows):
        titles = row["titles"]
        values = {"programme": titles["programme"], "on": titles["category"]}
        yield sentence(locale, "confirm.effect", values | {"was": titles["before"], "to": titles["after"]})
    if not any(row["after"] == _AUTOMATE for row in rows):
        yield sentence(locale, "confirm.nothing")
    charging = [row for row in reversed(rows) if row["may_charge"] is not None]
    for row in {row["may_charge"]["mandate"]: row for row in charging}.values():
        charge = row["may_charge"]
        amount = show_money(charge["max_price_minor"], charge["currency"], locale)
        yield sentence(locale, "confirm.charge", {"on": row["titles"]["category"], "amount": amount})
    used = sorted({name for row in rows for name in row["data"]})
    if used:
        data = ", ".join(title_of(policy, "data", name, locale) for name in used)
        yield sentence(locale, "confirm.data", {"data": data})
    yield sentence(locale, "confirm.lower")


def _told_above(path: str, raised: _Raised) -> Level | None:
    """The level before of the nearest category above that rises too: told there, it is not told again."""
    above = path
    while "." in above:
        above = above.rpartition(".")[0]
        if above in raised:
            return raised[above][0]
    follows = path != "*" and raised[path][1] == "*" and "*" in raised
    return raised["*"][0] if follows else None


def _outermost(rows: _Rows) -> Iterator[Mapping[str, Any]]:
    """Without those whose category lies in one that goes the same way in the same programme."""
    told = {
        (row["programme"], row["category"]): (row["before"], row["after"]) for row in rows if not row["sku"]
    }
    for row in rows:
        steps = row["category"].split(".")
        depths = range(1, len(steps) + (row["sku"] is not None))
        above = [(row["programme"], ".".join(steps[:depth])) for depth in depths]
        if not any(told.get(each) == (row["before"], row["after"]) for each in above):
            yield row
