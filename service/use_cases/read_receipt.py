"""The receipt of one consent event, out of what was kept: the event, the notice, the policy of its day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.consent_states import ConsentState, state_of
from service.crypto.commitment import commit, event_payload
from service.crypto.signed_note import NoteSigner
from service.errors import NotFoundError
from service.ids import CONSENT_EVENT
from service.receipts import ShownNotice, Source
from service.receipts.proof import Evidence
from service.storage.events import Owned, read_owned_event
from service.storage.notices import read_notice_policy
from service.storage.policies import PolicyStore, version_at
from service.storage.subjects import Event, Subject
from service.storage.unit import Unit
from service.use_cases.notices import Notice, channel_notice_of, notice_of
from service.use_cases.prove_entry import promise_for, prove_entry


@dataclass(frozen=True, slots=True)
class Receipt:
    """`subject` is who the person is known as today, `source` what the receipt is made from, and `said` the
    event's payload."""

    subject: Subject
    source: Source
    said: Mapping[str, Any]
    evidence: Evidence


def read_receipt(unit: Unit, policies: PolicyStore, log_key: NoteSigner, event_id: UUID) -> Receipt:
    """With its proof, or in the seconds before there is one with the promise of it alone.

    Raises NotFoundError: there is no such event, it was erased, it is no answer about consent, or it is
    about somebody whom this actor may not speak of."""
    owned = read_owned_event(unit, event_id)
    unit.actor.reach(owned.person.id)
    said = owned.event.payload
    if said.get("kind") != "consent":
        raise NotFoundError(CONSENT_EVENT)
    source = _source(unit, policies, owned)
    return Receipt(owned.person, source, said, _evidence(unit, log_key, owned))


def _evidence(unit: Unit, log_key: NoteSigner, owned: Owned) -> Evidence:
    event = owned.event
    salt = owned.owner.data_key.salt(event.id)
    commitment = commit(salt, event_payload(event.digest, event.payload))
    return Evidence(
        salt=salt,
        commitment=commitment,
        promise=promise_for(log_key, event.id, commitment, event.at),
        key=str(log_key.verifier),
        inclusion=prove_entry(unit, owned.owner, event.id),
    )


def _source(unit: Unit, policies: PolicyStore, owned: Owned) -> Source:
    event, said = owned.event, owned.event.payload
    kind = "purpose" if said.get("purpose") else "channel"
    document = policies.version(unit.db, _policy(unit, event)).document
    if said[kind] not in (document.get(f"{kind}s") or {}):
        # A consent may run out after its purpose has left the policy.
        version = said.get("stood_under") or 1
        document = read_notice_policy(unit.db, said[kind], version, section=f"{kind}s") or document
    return Source(
        event=event.id,
        subject=owned.owner.id,
        number=event.number,
        recorded_at=event.at,
        previous=event.previous,
        digest=event.digest,
        kind=kind,
        name=said[kind],
        state=_state(said),
        explicit=said["explicit"] is True,
        at=datetime.fromisoformat(said["at"]),
        expires_at=None if said["expires_at"] is None else datetime.fromisoformat(said["expires_at"]),
        origin=said["origin"],
        notice=_notice(unit, event, kind, document),
        document=document,
    )


def _policy(unit: Unit, event: Event) -> int:
    stated = event.payload.get("policy")
    return version_at(unit.db, event.at) if stated is None else int(stated)


def _state(said: Mapping[str, Any]) -> ConsentState:
    return ConsentState(said["state"]) if "state" in said else state_of(said["status"])


def _notice(unit: Unit, event: Event, kind: str, document: Mapping[str, Any]) -> ShownNotice:
    """The text that was shown, or under which the answer before had been given. It may be older than the
    policy of that day: an app that was not updated shows what it has."""
    said = event.payload
    name, shown = said[kind], said["notice"]
    notice = _notice_in(document, kind, name)
    in_force = 1 if notice is None else notice.version
    version = shown["version"] if shown else said.get("stood_under") or in_force
    locale = shown["locale"] if shown else said.get("locale", "en")
    if in_force != version:
        section, until = f"{kind}s", _policy(unit, event)
        found = read_notice_policy(unit.db, name, version, section=section, until=until)
        notice = None if found is None else _notice_in(found, kind, name)
    return ShownNotice(
        version=version,
        locale=locale,
        shown=bool(shown),
        revision=None if notice is None else notice.revision,
        texts=None if notice is None else notice.texts.get(locale),
        sha256=None if notice is None else notice.hashes.get(locale),
    )


def _notice_in(document: Mapping[str, Any], kind: str, name: str) -> Notice | None:
    if name not in (document.get(f"{kind}s") or {}):
        return None
    return (notice_of if kind == "purpose" else channel_notice_of)(document, name)
