"""Redeem permits: the hand-over by which a client may contact a person (guarantees P1, P4).

Under the person's lock the permit is evaluated again, under the policy then in force and at the rung and
channel that were permitted. What is redeemed counts as a contact from that commit on, so caps bind here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from service.actor import Actor
from service.bootstrap import Services
from service.errors import UnavailableError, UnreadableError
from service.policy import Outcome, decision_stage
from service.storage.catalogue import Listing, read_listings
from service.storage.decisions import record_decisions
from service.storage.permit_tokens import Name, read_token
from service.storage.permits import (
    IssuedRow,
    Permit,
    Settled,
    open_permits,
    read_issued,
    read_settled,
    settle_permit,
)
from service.storage.subjects import Subject, lock_rows
from service.storage.unit import Unit
from service.use_cases.choose_tip import still_owned
from service.use_cases.count_hand_over import record_contact
from service.use_cases.decide import evaluate_state
from service.use_cases.fields_read import fields_read
from service.use_cases.read_what_opens import read_what_opens
from service.use_cases.special import is_special, sees_special

MOST_PERMITS = 1000
# Their locks are held together for some tenths of a second, in which none of them can withdraw.
SUBJECTS_PER_TRANSACTION = 200


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What became of one permit: `redeemed`, `used`, or `refused` with a stage."""

    status: str
    stage: str | None = None


REDEEMED, USED = Redeemed("redeemed"), Redeemed("used")
# Unknown, another client's, ended by age, by a change of choices or with the person: nobody learns which.
NO_PERMIT = Redeemed("refused", "request")
_UNREADABLE = Redeemed("refused", "identity")


class _CannotWriteError(Exception):
    """Nothing of this person's can be decided or sealed."""

    def __init__(self, subject: UUID) -> None:
        super().__init__()
        self.subject = subject


@dataclass(frozen=True, slots=True)
class _Asked:
    """A permit that may be one: its place in the request, and the row that it names."""

    place: int
    name: Name
    row: IssuedRow


def redeem_permits(
    services: Services, actor: Actor, tokens: Sequence[str], key: str | None = None
) -> list[Redeemed]:
    """What became of each, in their order, committed in a few transactions of its own; one bad permit spoils
    no other. `key` is the request's Idempotency-Key: what was redeemed under it before is `redeemed` again,
    so that a request which broke off half-way can be repeated."""
    claim = None if key is None else services.index.digest("permit-claim", f"{actor.sub}\n{key}".encode())
    answers = [NO_PERMIT] * len(tokens)
    groups = _by_subject(services, tokens)
    subjects = sorted(groups)
    for start in range(0, len(subjects), SUBJECTS_PER_TRANSACTION):
        some = subjects[start : start + SUBJECTS_PER_TRANSACTION]
        for place, answer in _redeem_some(services, actor, {s: groups[s] for s in some}, claim):
            answers[place] = answer
    return answers


def _by_subject(services: Services, tokens: Sequence[str]) -> dict[UUID, list[_Asked]]:
    names = [read_token(services.index, token) for token in tokens]
    with services.database.connection() as db:
        rows = read_issued(db, (name.row for name in names if name is not None))
    groups: dict[UUID, list[_Asked]] = {}
    for place, name in enumerate(names):
        row = None if name is None else rows.get(name.row)
        if name is not None and row is not None:
            groups.setdefault(row.subject, []).append(_Asked(place, name, row))
    return groups


def _redeem_some(
    services: Services, actor: Actor, groups: dict[UUID, list[_Asked]], claim: bytes | None
) -> list[tuple[int, Redeemed]]:
    """One transaction; again without a person of whom nothing can be written, so that none is kept half."""
    refused: list[tuple[int, Redeemed]] = []
    while True:
        try:
            return refused + _in_transaction(services, actor, groups, claim)
        except _CannotWriteError as error:
            refused += [(asked.place, _UNREADABLE) for asked in groups[error.subject]]
            groups = {subject: asked for subject, asked in groups.items() if subject != error.subject}


def _in_transaction(
    services: Services, actor: Actor, groups: dict[UUID, list[_Asked]], claim: bytes | None
) -> list[tuple[int, Redeemed]]:
    with services.database.transaction() as db:
        lock_rows(db, groups)
        # The policy and the instant too are those of after the wait for the locks.
        unit = services.unit_on(db, services.policies.in_force(db), actor)
        found, unreadable = read_what_opens(db, services.keyring, list(groups))
        living = [subject for subject in found.values() if subject.key is not None]
        settled = read_settled(unit, living)
        permits = {s.id: _permits(s, groups[s.id]) for s in living}
        skus = {permit.candidate.sku for known in permits.values() for permit in known.values()}
        work = _Work(unit, settled, read_listings(db, skus), claim)
        answers = [(asked.place, _UNREADABLE) for subject in unreadable for asked in groups[subject]]
        with db.pipeline():
            for subject in living:
                answers += work.redeem(subject, groups[subject.id], permits[subject.id])
    return answers


def _permits(subject: Subject, asked: Sequence[_Asked]) -> dict[Name, Permit]:
    places: dict[UUID, set[int]] = {}
    for each in asked:
        places.setdefault(each.row.id, set()).add(each.name.place)
    permits: dict[Name, Permit] = {}
    for row in {each.row.id: each.row for each in asked}.values():
        try:
            permits |= {permit.name: permit for permit in open_permits(subject, row, places[row.id])}
        except UnreadableError:
            continue
    return permits


class _Work:
    """One transaction's work, person by person."""

    def __init__(
        self, unit: Unit, settled: dict[Name, Settled], listings: dict[str, Listing], claim: bytes | None
    ) -> None:
        self._unit, self._settled, self._listings, self._claim = unit, settled, listings, claim
        # Whatever stands in the request a second time is used.
        self._redeemed: set[Name] = set()

    def redeem(
        self, subject: Subject, asked: Sequence[_Asked], permits: dict[Name, Permit]
    ) -> list[tuple[int, Redeemed]]:
        """All of one person's. Raises _CannotWriteError."""
        try:
            return list(self._redeem(subject, asked, permits))
        except UnavailableError:
            raise _CannotWriteError(subject.id) from None

    def _redeem(
        self, subject: Subject, asked: Sequence[_Asked], permits: dict[Name, Permit]
    ) -> Iterator[tuple[int, Redeemed]]:
        for each in asked:
            permit = permits.get(each.name)
            # A permit belongs to the client that got it; to any other it does not exist.
            own = permit is not None and permit.client == self._unit.actor.sub
            yield each.place, self._one(subject, permit) if permit is not None and own else NO_PERMIT

    def _one(self, subject: Subject, permit: Permit) -> Redeemed:
        if permit.name in self._redeemed:
            return USED
        before = self._settled.get(permit.name)
        if before is None or before.state != "redeemed":
            answer = self._evaluate(subject, permit, ended=before is not None)
        else:
            answer = REDEEMED if self._claim is not None and before.claim == self._claim else USED
        if answer is REDEEMED:
            self._redeemed.add(permit.name)
        return answer

    def _evaluate(self, subject: Subject, permit: Permit, *, ended: bool) -> Redeemed:
        unit, listing = self._unit, self._listings.get(permit.candidate.sku)
        if permit.expires_at <= unit.now or listing is None or not self._sees(listing):
            return NO_PERMIT
        # The catalogue speaks anew: a product may have become another category's since, or dearer.
        candidate = replace(
            permit.candidate,
            category=listing.category,
            price_minor=listing.price_minor,
            currency=listing.currency,
        )
        state = subject.state(unit.now)
        decision = evaluate_state(unit.in_force, state, [candidate], unit.now)[0]
        record_decisions(unit, subject, [candidate], [decision], fields_read(unit.policy, [candidate]))
        if decision.outcome is not Outcome.allow:
            return Redeemed("refused", decision_stage(decision))
        if ended or not still_owned(unit, subject, state, candidate, decision):
            return NO_PERMIT
        record_contact(unit, subject, candidate, decision)
        settle_permit(unit, subject, replace(permit, candidate=candidate), "redeemed", self._claim)
        return REDEEMED

    def _sees(self, listing: Listing) -> bool:
        return sees_special(self._unit.actor) or not is_special(self._unit.policy, listing.category)
