"""A recorded decision, explained: what it depended on, what was answered, and why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from service.actor import show_subject
from service.errors import NotFoundError
from service.explanations import explain
from service.ids import DECISION
from service.instants import show_instant
from service.policy import Policy
from service.storage.decisions import DecisionRow, read_decisions
from service.storage.policies import PolicyStore
from service.storage.records import pack_candidate, show_level
from service.storage.unit import Unit
from service.use_cases.fields_read import fields_read


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """One decision of a row, with the policy it was made under."""

    subject: UUID
    row: DecisionRow
    index: int
    policy: Policy

    def shown(self, decision_id: str, locale: str, timezone: str) -> dict[str, Any]:
        """As `GET /v1/decisions/{id}` gives it, explained in the language of `locale`."""
        row, asked = self.row, self.row.record.candidates[self.index]
        decision = row.record.decision(self.index)
        assert decision is not None
        answer = decision.to_dict()
        candidate = msgspec.structs.asdict(asked) | {"strategy": show_level(asked.strategy)}
        if asked.expires_at is not None:
            candidate["expires_at"] = show_instant(asked.expires_at)
        return {
            "id": decision_id,
            "subject": show_subject(self.subject),
            "at": show_instant(row.at),
            "policy": row.policy,
            "epoch": row.epoch,
            "activity": row.activity,
            "asked_by": row.record.role,
            **answer,
            "asked": candidate,
            "inputs": {"digest": self._digest()},
            "fields_read": fields_read(self.policy, [asked.to_candidate()]),
            "explanation": explain(answer, self.policy, locale, timezone=timezone, candidate=candidate),
        }

    def _digest(self) -> str:
        """SHA-256 over the four values that a decision is a function of, as they were kept: equal digests
        mean that the same was asked about the same state under the same policy at the same instant."""
        row = self.row
        candidate = pack_candidate(row.record.candidates[self.index].to_candidate())
        inputs = (row.policy, self.subject.bytes, row.epoch, row.activity, row.at, candidate)
        return hashlib.sha256(msgspec.msgpack.encode(inputs)).hexdigest()


def read_decision(unit: Unit, policies: PolicyStore, row_id: UUID, index: int) -> RecordedDecision:
    """Raises NotFoundError: there is none, it was erased, or it is about somebody whom this actor may not
    speak of."""
    row = read_decisions(unit.db, unit.keyring, row_id)
    if row.subject is None or index >= len(row.record.decisions):
        raise NotFoundError(DECISION)
    subject = unit.actor.reach(row.subject)
    return RecordedDecision(subject, row, index, policies.version(unit.db, row.policy))
