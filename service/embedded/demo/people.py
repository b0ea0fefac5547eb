"""The twelve customers of the story, from `people.yaml`, as of a given instant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from service.embedded.demo.customer import (
    Answered,
    Concluded,
    Contacted,
    Customer,
    Erased,
    Happened,
    Objected,
    Preferred,
    Step,
    in_order,
)
from service.embedded.demo.files import read_data
from service.embedded.demo.goods import catalogue
from service.explanations.mandates import order_button
from service.instants import show_instant
from service.use_cases.put_mandate import PutMandate
from service.use_cases.register_subject import Identifier

# Everything of the story happened at this local time: no quiet hour and no clock change is near.
_TIME = time(10, 30)
_JOINED = -165
_KINDS = {"customer_number": "number", "email": "email", "phone": "phone"}
_Entry = Mapping[str, Any]


def people_entries() -> dict[str, _Entry]:
    """What the file says of each of the twelve, by key, in the order of the story."""
    return {entry["key"]: entry for entry in read_data("people")}


def people(now: datetime) -> list[Customer]:
    """The twelve, as if today were the day of `now`."""
    return [customer(entry, now) for entry in people_entries().values()]


def customer(entry: _Entry, now: datetime) -> Customer:
    """One entry, its days counted from the day of `now`."""
    today = now.astimezone(ZoneInfo(entry["timezone"])).date()
    since = _at(entry, today, _JOINED)
    steps = [step for line in entry["history"] for step in _steps(entry, line, today) if step.at >= since]
    return Customer(
        number=entry["number"],
        identifiers=tuple(Identifier(kind, entry[field]) for kind, field in _KINDS.items()),
        locale=entry["locale"],
        country=entry["country"],
        timezone=entry["timezone"],
        # A birthday a hundred days ago: the age holds for the months in which the story is told.
        birth_date=years_before(today, entry["age"]) - timedelta(days=100),
        since=since,
        steps=in_order(steps),
        key=entry["key"],
    )


def _steps(entry: _Entry, line: _Entry, today: date) -> Iterator[Step]:
    at = _at(entry, today, line["day"])
    if "buys" in line:
        yield from _purchases(entry, line, today)
    elif "uses" in line:
        data = {"sku": line["uses"], "units_per_day": line["per_day"], "units_left": line["left"]}
        yield Step(at, Happened("usage", f"{entry['number']}-u{line['day']}", data))
    elif "complains" in line:
        yield Step(at, Happened("complaint_opened", line["complains"], {"reference": line["complains"]}))
    elif "situation" in line:
        until = show_instant(_at(entry, today, line["ends"]))
        data = {"name": line["situation"], "until": until}
        yield Step(at, Happened("situation", f"{entry['number']}-s{line['day']}", data))
    else:
        yield from _choices(entry, line, at, today)


def _choices(entry: _Entry, line: _Entry, at: datetime, today: date) -> Iterator[Step]:
    explicit = line.get("explicit", False)
    if "consent" in line:
        yield Step(at, Answered("given", purpose=line["consent"], explicit=explicit))
    elif "withdraw" in line:
        yield Step(at, Answered("withdrawn", purpose=line["withdraw"]))
    elif "opt_in" in line:
        yield Step(at, Answered("given", channel=line["opt_in"]))
    elif "refuse" in line:
        yield Step(at, Answered("refused", channel=line["refuse"]))
    elif "share" in line:
        yield Step(at, Preferred({"sharing": line["share"]}))
    elif "levels" in line:
        yield Step(at, Preferred({"levels": line["levels"]}))
    elif "objects" in line:
        yield Step(at, Objected(line["objects"]))
    elif "contacted" in line:
        yield Step(at, Contacted(line["contacted"], line["programme"]))
    elif "erased" in line:
        yield Step(at, Erased())
    elif "mandate" in line:
        command = PutMandate(
            covers=line["mandate"],
            currency="SEK",
            text=order_button(entry["locale"]),
            locale=entry["locale"],
            expires_at=_at(entry, today, line["ends"]),
            **line["limits"],
        )
        yield Step(at, Concluded(line["id"], command))
    else:
        raise ValueError(f"{entry['key']}: {sorted(line)} says nothing that is understood")


def _purchases(entry: _Entry, line: _Entry, today: date) -> Iterator[Step]:
    good = catalogue()[line["buys"]]
    for number in range(line["times"]):
        day = line["day"] - number * line["every"]
        data = {
            "sku": good.sku,
            "quantity": 1,
            "price_minor": good.price_minor,
            "currency": good.currency,
            "pack_size": good.pack_size,
        }
        yield Step(_at(entry, today, day), Happened("purchase", f"{entry['number']}-{good.sku}-{day}", data))


def _at(entry: _Entry, today: date, day: int) -> datetime:
    local = datetime.combine(today + timedelta(days=day), _TIME, ZoneInfo(entry["timezone"]))
    return local.astimezone(UTC)


def years_before(day: date, years: int) -> date:
    """The same day, some years earlier."""
    # 28 February for a leap day: the year before may have none.
    return day.replace(year=day.year - years, day=min(day.day, 28) if day.month == 2 else day.day)
