"""A demo customer as data: who she is, and everything she did and chose, in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from service.instants import whole_second
from service.use_cases.put_mandate import PutMandate
from service.use_cases.register_subject import Identifier


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to a question for consent: exactly one of `purpose` and `channel` is set. `version` is the
    notice's, the newest unless she answered an older one."""

    status: str
    purpose: str | None = None
    channel: str | None = None
    explicit: bool = False
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Preferred:
    """A merge patch of the preferences."""

    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Concluded:
    """A mandate, through the order button in her language."""

    id: str
    command: PutMandate


@dataclass(frozen=True, slots=True)
class Objected:
    about: str


@dataclass(frozen=True, slots=True)
class Happened:
    """A signal that the shop sends; whether it is stored is for the gate to say. `id` is the shop's own."""

    type: str
    id: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contacted:
    """A message that was handed over to her."""

    channel: str
    programme: str


@dataclass(frozen=True, slots=True)
class Erased:
    """She asked for erasure, and it was done."""


Action = Answered | Preferred | Concluded | Objected | Happened | Contacted | Erased


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    action: Action


@dataclass(frozen=True, slots=True)
class Customer:
    """`key` names the twelve of the story; `steps` are in order of time, none before `since`."""

    number: str
    identifiers: tuple[Identifier, ...]
    locale: str
    country: str
    timezone: str
    birth_date: date
    since: datetime
    steps: tuple[Step, ...]
    key: str | None = None


# The kind of identifier by which the shop, the loader and the story know their customers.
NUMBER = "customer_number"


def in_order(steps: list[Step]) -> tuple[Step, ...]:
    """By time, on whole seconds; what stands first at the same instant stays first."""
    whole = [Step(whole_second(step.at), step.action) for step in steps]
    return tuple(sorted(whole, key=lambda step: step.at))
