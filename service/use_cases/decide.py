"""Decide about candidates for one person, and keep what was decided.

Two round trips to the database: everything is read by one statement, and the answer is kept by another,
committed before anybody hears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service import ids
from service.actor import Actor
from service.bootstrap import Services
from service.errors import UnavailableError, UnreadableError
from service.policy import Candidate, Decision, InputRefused, State, evaluate_all
from service.storage.asked import AskedCandidate, to_candidate
from service.storage.decisions import decision_ids, insert_decisions
from service.storage.inputs import read_inputs
from service.storage.records import encode_record
from service.storage.unit import PolicyInForce
from service.use_cases.fields_read import fields_read
from service.use_cases.special import is_special, sees_special

MOST_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class Answered:
    """The decisions about one person, in the order asked. `ids` is empty where nothing could be kept: there
    is no key of an unknown or erased person. `left_out` counts candidates of special categories (GDPR
    Art. 9) that this actor may not ask about."""

    at: datetime
    in_force: PolicyInForce
    epoch: int | None
    state: State | None
    candidates: list[Candidate]
    decisions: list[Decision]
    ids: list[str]
    # Which of those asked were decided: their places.
    places: list[int]
    left_out: int = 0


def decide(services: Services, actor: Actor, subject_id: UUID, asked: Sequence[AskedCandidate]) -> Answered:
    """Raises NotFoundError for a customer who asks about somebody else, UnreadableError where the person's
    state cannot be opened, PolicyMissingError without a policy."""
    actor.reach(subject_id)
    for _ in range(2):
        answered = _decide(services, actor, subject_id, asked)
        if answered is not None:
            return answered
    raise UnavailableError("the person is being erased")


def _decide(
    services: Services, actor: Actor, subject_id: UUID, asked: Sequence[AskedCandidate]
) -> Answered | None:
    """None when the person was erased between the reading and the keeping."""
    with services.database.connection() as db:
        read = read_inputs(db, services.keyring, subject_id, [candidate.sku for candidate in asked])
        in_force, subject, now = services.policies.from_row(db, read.policy), read.subject, services.now
        policy = in_force.policy
        candidates = [to_candidate(candidate, read.listings) for candidate in asked]
        places = list(range(len(candidates)))
        if not sees_special(actor):
            places = [place for place in places if not is_special(policy, candidates[place].category)]
            candidates = [candidates[place] for place in places]
        state = None if subject is None else subject.state(now)
        decisions = evaluate_state(in_force, state, candidates, now)
        kept: list[str] = []
        if subject is not None and subject.key is not None and candidates:
            row = ids.new_id()
            record = encode_record(actor, candidates, decisions, fields_read(policy, candidates))
            kept_it = insert_decisions(
                db,
                subject,
                row,
                at=now,
                policy=in_force.version,
                record=record,
                durable=services.config.durable_decisions,
            )
            if not kept_it:
                return None
            kept = decision_ids(row, len(decisions))
    epoch = None if subject is None else subject.epoch
    left_out = len(asked) - len(places)
    return Answered(now, in_force, epoch, state, candidates, decisions, kept, places, left_out)


def evaluate_state(
    in_force: PolicyInForce, state: State | None, candidates: Sequence[Candidate], now: datetime
) -> list[Decision]:
    """The core's answer. A stored state that it refuses is one that cannot be read: UnreadableError."""
    try:
        return evaluate_all(in_force.policy, state, candidates, now)
    except InputRefused:
        raise UnreadableError from None
