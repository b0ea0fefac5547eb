"""What the tests of permits share: a shop with products, people who agreed, and clients that ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from schemas.candidates import CandidateShape
from service.actor import Actor
from service.bootstrap import Services
from service.use_cases.permit_offers import AskOffers, permit_offers
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.redeem_permits import redeem_permits
from tests.api.people import candidate

MARKETING = Actor("marketing-1", frozenset({"marketing"}))
OTHER = Actor("marketing-2", frozenset({"marketing"}))


def offer(number: int = 0, **changes: Any) -> dict[str, Any]:
    """An offer of the shampoo that everybody is open to, by a channel that has no quiet hours."""
    curated = {"id": f"o{number}", "programme": "marketing", "strategy": "curate", "channels": ["app"]}
    return candidate(**(curated | changes))


def permits(
    services: Services, subject: UUID, *offers: dict[str, Any], by: Actor = MARKETING, **more: Any
) -> list[str | None]:
    """The permits for these offers, in their order; None where one may not go now."""
    asked = [CandidateShape().load(each) for each in offers or [offer()]]
    found = permit_offers(services, by, AskOffers(subject, "marketing", ("app",), asked, **more))
    given = {each.decision.candidate: each.permit for each in found.permitted}
    return [given.get(each.id) for each in asked]


def permit(services: Services, subject: UUID, *, by: Actor = MARKETING, **changes: Any) -> str:
    [found] = permits(services, subject, offer(**changes), by=by)
    assert found is not None
    return found


def redeem(
    services: Services, tokens: Sequence[str | None], by: Actor = MARKETING, key: str | None = None
) -> list[str]:
    """`redeemed`, `used`, or the stage of a refusal."""
    answers = redeem_permits(services, by, [token or "" for token in tokens], key)
    return [answer.stage or answer.status for answer in answers]


def answer(services: Services, subject: UUID, status: str) -> Any:
    """What the person hears on giving or withdrawing the consent to offers."""
    with services.unit(Actor("aino", frozenset({"customer"}), subject=subject)) as unit:
        command = RecordConsent(status, Notice(2, "sv"), "app", purpose="personal_offers")
        return record_consent(unit, subject, command).changed
