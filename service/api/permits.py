"""Permits: the one authority to contact somebody, redeemed once."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from flask import Response, request

from schemas.permits import RedeemedShape, RedeemShape
from service.api.auth import allow
from service.api.context import actor, services, unit
from service.api.idempotency import DESCRIPTION, HEADER, idempotent
from service.api.openapi import Routes, json_response
from service.use_cases.redeem_permits import redeem_permits

routes = Routes("permits", "Permits: the authority to contact somebody, once")

_PERMIT = re.compile(r"prm_[a-z2-7]{56}")


@routes.post("/permits/redeem")
@routes.answer(200, RedeemedShape)
@routes.header(HEADER, DESCRIPTION)
@routes.body(RedeemShape)
@allow("marketing", "shop")
def redeem(body: dict[str, Any]) -> Response:
    """Redeem up to 1,000 permits. Only what is answered `redeemed` may be sent; it counts as a contact"""
    permits, key = body["permits"], request.headers.get(HEADER)

    def make() -> tuple[int, dict[str, Any], UUID | None]:
        found = redeem_permits(services(), actor(), permits, key)
        shown = [
            {"permit": _echo(permit), "status": each.status, "stage": each.stage}
            for permit, each in zip(permits, found, strict=True)
        ]
        return 200, {"permits": shown}, None

    if key is None:
        return json_response(make()[1])
    # The key is held by a transaction of its own while others redeem.
    with unit() as work:
        return idempotent(work, make)


def _echo(permit: str) -> str | None:
    """Answers are logged by those who get them, so they repeat nothing but what can be a permit."""
    return permit if _PERMIT.fullmatch(permit) else None
