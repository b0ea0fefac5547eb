"""Which offers may go to one person now, best first, each with a permit to redeem.

The reading and the keeping are those of `decide`: one statement reads everything, another keeps the answer,
and permits are made from the id of the row that was kept, so they cost no further trip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from service import ids
from service.actor import Actor
from service.bootstrap import Services
from service.errors import ConflictError, UnavailableError
from service.instants import show_instant
from service.policy import Candidate, Decision, Policy, State, decision_stage
from service.ranking import Option, Ranked, rank
from service.storage.asked import AskedCandidate, to_candidate
from service.storage.catalogue import read_listings
from service.storage.database import Connection
from service.storage.decisions import insert_decisions
from service.storage.inputs import Inputs, read_inputs
from service.storage.offers import Offer
from service.storage.permit_tokens import Name, permit_token
from service.storage.permits import permitted
from service.storage.records import encode_record
from service.storage.unit import PolicyInForce
from service.use_cases.choose_tip import Answered, is_tip, keep_one_tip, tips_due
from service.use_cases.decide import evaluate_state
from service.use_cases.event_offers import WantedEvent, event_candidates
from service.use_cases.fields_read import fields_read
from service.use_cases.special import is_special, sees_special


@dataclass(frozen=True, slots=True)
class AskOffers:
    """`candidates` None: the whole catalogue. `limit`: how many permitted ones are wanted, the best."""

    subject: UUID
    programme: str
    channels: tuple[str, ...]
    candidates: list[AskedCandidate] | None = None
    limit: int | None = None
    min_epoch: int | None = None
    # The detector whose open events propose, instead of the catalogue.
    event: str | None = None


@dataclass(frozen=True, slots=True)
class PermittedOffer:
    """`permit` is None for what is deferred: it is asked again at `not_before`."""

    decision: Decision
    score: float
    sponsored: bool
    permit: str | None


@dataclass(frozen=True, slots=True)
class PermittedOffers:
    """`permitted` best first; `withheld` are offers and the stage that stopped each. `left_out` counts those
    of special categories that the asker may not hear of."""

    epoch: int | None
    policy: int
    permitted: list[PermittedOffer]
    withheld: list[tuple[str, str | None]]
    left_out: int


class _Read(NamedTuple):
    inputs: Inputs
    in_force: PolicyInForce
    offers: Mapping[str, Offer]
    candidates: list[Candidate]
    now: datetime
    state: State | None
    tip_is_due: bool


def permit_offers(services: Services, actor: Actor, ask: AskOffers) -> PermittedOffers:
    """Raises ConflictError where the person's state is older than `min_epoch`, and as `decide` does."""
    for _ in range(2):
        answered = _permit(services, actor, ask)
        if answered is not None:
            return answered
    raise UnavailableError("the person is being erased")


def _permit(services: Services, actor: Actor, ask: AskOffers) -> PermittedOffers | None:
    """None when the person was erased between the reading and the keeping."""
    with services.database.connection() as db:
        read = _read(services, db, actor, ask)
        subject, policy = read.inputs.subject, read.in_force.policy
        if subject is not None and ask.min_epoch is not None and subject.epoch < ask.min_epoch:
            raise ConflictError("the state known here is older than min_epoch", epoch=str(subject.epoch))
        candidates = read.candidates
        if not sees_special(actor):
            candidates = [each for each in candidates if not is_special(policy, each.category)]
        state = read.state
        unit = services.unit_on(db, read.in_force, actor)
        answered = Answered(candidates, evaluate_state(read.in_force, state, candidates, read.now))
        own = ask.candidates is not None
        seen = len(candidates)
        candidates, decisions = keep_one_tip(unit, subject, state, answered, own=own)
        ranked = _ranked(policy, read, candidates, decisions)[: ask.limit]
        row = ids.new_id()
        if subject is not None and subject.key is not None and candidates:
            places = [each.place for each in ranked if permitted(decisions[each.place])]
            fields = fields_read(policy, candidates)
            record = encode_record(actor, candidates, decisions, fields, permits=places)
            kept = insert_decisions(
                db,
                subject,
                row,
                at=read.now,
                policy=read.in_force.version,
                record=record,
                durable=services.config.durable_decisions,
            )
            if not kept:
                return None
    return PermittedOffers(
        None if subject is None else subject.epoch,
        read.in_force.version,
        [_permitted(services, read.offers, decisions[each.place], row, each) for each in ranked],
        # That something was detected is told only with what may come of it.
        [(d.candidate, decision_stage(d)) for d in decisions if d.strategy is None and ask.event is None],
        len(read.candidates) - seen if ask.event is None else 0,
    )


def _ranked(
    policy: Policy, read: _Read, candidates: Sequence[Candidate], decisions: Sequence[Decision]
) -> list[Ranked]:
    """A caller's own candidate is worth what the offer is whose id it bears, if there is one. A tip sells
    nothing, so it is worth nothing to the business; it comes first when its turn has come."""
    tips = [is_tip(policy, candidate.programme) for candidate in candidates]

    def worth(place: int, decision: Decision) -> int:
        offer = read.offers.get(decision.candidate)
        return 0 if offer is None or tips[place] else offer.value

    ranked = rank(
        Option(place, decision.candidate, worth(place, decision))
        for place, decision in enumerate(decisions)
        if decision.strategy is not None
    )
    return sorted(ranked, key=lambda each: not (tips[each.place] and read.tip_is_due))


def _permitted(
    services: Services, offers: Mapping[str, Offer], decision: Decision, row: UUID, ranked: Ranked
) -> PermittedOffer:
    offer = offers.get(decision.candidate)
    token = permit_token(services.index, Name(row, ranked.place)) if permitted(decision) else None
    return PermittedOffer(decision, ranked.score, offer is not None and offer.sponsored, token)


def _read(services: Services, db: Connection, actor: Actor, ask: AskOffers) -> _Read:
    """One round trip, as long as the catalogue of offers is the one that this process knows."""
    if ask.event is not None:
        return _read_events(services, db, actor, ask.event, ask)
    store, now = services.offers, services.now
    asked = _asked(ask, store.known(), now)
    inputs = read_inputs(db, services.keyring, ask.subject, {each.sku for each in asked})
    listings, offers = inputs.listings, store.at(db, inputs.catalogue)
    in_force = services.policies.from_row(db, inputs.policy)
    at = services.now
    state = None if inputs.subject is None else inputs.subject.state(at)
    due = [] if ask.candidates is not None else tips_due(in_force.policy, state)
    again = _asked(ask, offers, now, due)
    if again != asked:
        listings = read_listings(db, {each.sku for each in again})
    candidates = [to_candidate(each, listings) for each in again]
    return _Read(inputs, in_force, offers, candidates, at, state, bool(due))


def _read_events(services: Services, db: Connection, actor: Actor, event: str, ask: AskOffers) -> _Read:
    """The same for what the person's open events propose, which has to be read first."""
    inputs = read_inputs(db, services.keyring, ask.subject, ())
    in_force, offers = services.policies.from_row(db, inputs.policy), services.offers.at(db, inputs.catalogue)
    at = services.now
    asked: Sequence[AskedCandidate] = ()
    if inputs.subject is not None:
        wanted = WantedEvent(event, ask.programme, ask.channels)
        asked = event_candidates(services.unit_on(db, in_force, actor), inputs.subject, wanted, offers)
    listings = read_listings(db, {each.sku for each in asked})
    state = None if inputs.subject is None else inputs.subject.state(at)
    candidates = [to_candidate(each, listings) for each in asked]
    return _Read(inputs, in_force, offers, candidates, at, state, False)


def _asked(
    ask: AskOffers, offers: Mapping[str, Offer], now: datetime, due: Sequence[str] = ()
) -> Sequence[AskedCandidate]:
    """What the caller brings, or what the catalogue has for the programme, and for those of tips whose turn
    it is, and is still valid."""
    if ask.candidates is not None:
        return ask.candidates
    return [
        AskedCandidate(
            offer.id,
            offer.programme,
            offer.strategy,  # type: ignore[arg-type]  # the table knows no other words
            offer.sku,
            ask.channels,
            tuple(offer.data),
            1,
            None if offer.valid_until is None else show_instant(offer.valid_until),
        )
        for offer in offers.values()
        if offer.programme in (ask.programme, *due) and (offer.valid_until is None or offer.valid_until > now)
    ]
