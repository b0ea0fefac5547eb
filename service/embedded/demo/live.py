"""Live a demo customer's past through the use cases: each step in a unit whose `now` is the step's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from service.actor import Actor, system_actor
from service.bootstrap import Services
from service.embedded.demo.customer import (
    Action,
    Answered,
    Concluded,
    Contacted,
    Customer,
    Erased,
    Happened,
    Objected,
    Preferred,
    Step,
)
from service.errors import ConfirmationRequiredError
from service.policy import Contact
from service.storage.database import Connection
from service.storage.subjects import lock_subject, save_activity
from service.storage.unit import PolicyInForce, Unit
from service.use_cases.advance_request import fulfil_request
from service.use_cases.change_preferences import change_preferences
from service.use_cases.file_request import file_request
from service.use_cases.mandate_terms import offer_mandate
from service.use_cases.put_mandate import put_mandate
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import RegisterSubject, register_subject
from service.use_cases.set_objection import object_to
from service.use_cases.store_signals import NewSignal, store_signals

_ACTOR = system_actor("demo")
_ORIGIN = "demo"
# A message of the story counts for its caps as long as it is younger than this.
_STALE = timedelta(days=9)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """One transaction in which it may be any time: units for whatever instant is asked for."""

    services: Services
    db: Connection
    in_force: PolicyInForce

    def at(self, instant: datetime, actor: Actor = _ACTOR) -> Unit:
        then = replace(self.services, clock=lambda: instant)
        return then.unit_on(self.db, self.in_force, actor)


@dataclass(slots=True)
class Lived:
    """Who came of it, and what the gate did with the signals on the way."""

    subject: UUID
    stored: int = 0
    refused: int = 0


def live(clockwork: Clockwork, customer: Customer) -> Lived:
    """Register the customer and live every step but erasure. Raises ConflictError when she is known."""
    command = RegisterSubject(
        identifiers=customer.identifiers,
        locale=customer.locale,
        country=customer.country,
        timezone=customer.timezone,
        birth_date=customer.birth_date,
    )
    lived = Lived(register_subject(clockwork.at(customer.since), command).id)
    live_on(clockwork, customer, lived, [s for s in customer.steps if not isinstance(s.action, Erased)])
    return lived


def live_on(clockwork: Clockwork, customer: Customer, lived: Lived, steps: Sequence[Step]) -> None:
    """Live these of her steps, none of which is erasure."""
    # What happens between two choices is sent as one batch, as a shop's nightly file would.
    for told, group in groupby(steps, key=lambda step: isinstance(step.action, Happened)):
        if told:
            _tell(clockwork, lived, list(group))
        else:
            for step in group:
                _choose(clockwork.at(step.at), lived.subject, customer, step.action)


def erase(clockwork: Clockwork, customer: Customer, subject: UUID) -> None:
    """She asks for erasure, and a person fulfils it the same hour."""
    asked = next(step.at for step in customer.steps if isinstance(step.action, Erased))
    herself = Actor(sub=_ORIGIN, roles=frozenset({"customer"}), subject=subject)
    request = file_request(clockwork.at(asked, herself), subject, "erasure")
    officer = Actor(sub=_ORIGIN, roles=frozenset({"dpo"}))
    fulfil_request(
        clockwork.at(asked + timedelta(minutes=40), officer), request.id, "asked for by the customer"
    )


def is_erased(customer: Customer) -> bool:
    return any(isinstance(step.action, Erased) for step in customer.steps)


def renew_contacts(clockwork: Clockwork, customer: Customer, subject_id: UUID, now: datetime) -> None:
    """Messages age out of their caps within weeks: write them anew for whoever the story needs them of."""
    sent = [step for step in customer.steps if isinstance(step.action, Contacted)]
    if not sent:
        return
    unit = clockwork.at(now)
    subject = lock_subject(unit, subject_id)
    newest = max((contact.at for contact in subject.activity.contacts), default=None)
    if newest is not None and newest > now - _STALE:
        return
    subject.activity.contacts = list(_contacts(sent))
    save_activity(unit, subject)


def _tell(clockwork: Clockwork, lived: Lived, steps: Sequence[Step]) -> None:
    signals = [
        NewSignal(lived.subject, step.action.type, step.at, dict(step.action.data), step.action.id)
        for step in steps
        if isinstance(step.action, Happened)
    ]
    for result in store_signals(clockwork.at(steps[-1].at), signals):
        lived.stored += result.status == "stored"
        lived.refused += result.status == "refused"


def _choose(unit: Unit, subject: UUID, customer: Customer, action: Action) -> None:
    match action:
        case Answered():
            record_consent(unit, subject, _consent(unit, customer, action))
        case Preferred(patch):
            _prefer(_as_herself(unit, subject), subject, patch)
        case Concluded(mandate, command):
            own = _as_herself(unit, subject)
            terms = offer_mandate(own, subject, command.limits, command.locale)
            put_mandate(own, subject, mandate, replace(command, shown=terms["shown"]))
        case Objected(about):
            object_to(unit, subject, about)
        case Contacted():
            locked = lock_subject(unit, subject)
            locked.activity.contacts = [*locked.activity.contacts, *_contacts([Step(unit.now, action)])]
            save_activity(unit, locked)
        case _:
            raise TypeError(f"{type(action).__name__} is no choice")


def _prefer(unit: Unit, subject: UUID, patch: Mapping[str, Any]) -> None:
    """Whoever is asked once more says yes to what she is told."""
    try:
        change_preferences(unit, subject, patch)
    except ConfirmationRequiredError as asked:
        change_preferences(unit, subject, patch, confirmation=asked.members["confirmation"])


def _as_herself(unit: Unit, subject: UUID) -> Unit:
    """What nobody else may conclude, and what nobody else is asked about, is done in her own name."""
    return replace(unit, actor=Actor(sub=_ORIGIN, roles=frozenset({"customer"}), subject=subject))


def _consent(unit: Unit, customer: Customer, answered: Answered) -> RecordConsent:
    known = unit.policy.purposes.get(answered.purpose or "")
    version = answered.version or (known.min_notice_version if known else 0) or 1
    return RecordConsent(
        status=answered.status,
        notice=None if answered.status == "withdrawn" else Notice(version, customer.locale),
        origin=_ORIGIN,
        purpose=answered.purpose,
        channel=answered.channel,
        explicit=answered.explicit,
    )


def _contacts(steps: Sequence[Step]) -> Iterator[Contact]:
    for step in steps:
        if isinstance(step.action, Contacted):
            yield Contact(step.at, step.action.channel, step.action.programme)
