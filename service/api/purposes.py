"""Purposes and notices: what is asked for, on which basis, in which words. Nothing here is about a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from schemas.purposes import PublishedNoticeShape, PurposesShape
from service.actor import ROLES
from service.api.auth import allow
from service.api.context import unit
from service.api.openapi import Routes
from service.errors import NotFoundError
from service.policy import Policy
from service.use_cases.notices import notice_of, read_notice

routes = Routes("purposes", "What data is used for, and the notices under which it is asked")

_MOST_DIGITS = 9


@routes.get("/purposes")
@routes.answer(200, PurposesShape)
@allow(*ROLES)
def list_all() -> dict[str, Any]:
    """Every purpose of the policy in force, with its texts in every language"""
    with unit() as work:
        in_force = work.in_force
    shown = [_show(in_force.policy, name) for name in in_force.policy.purposes]
    return {"policy": in_force.version, "purposes": shown}


@routes.get("/notices/<purpose>/<version>")
@routes.answer(200, PublishedNoticeShape)
@allow(*ROLES)
def read_one(purpose: str, version: str) -> dict[str, Any]:
    """The newest revision of a notice version, also one that is no longer in use"""
    if not (version.isascii() and version.isdigit() and len(version) <= _MOST_DIGITS):
        raise NotFoundError("notice")
    with unit() as work:
        return asdict(read_notice(work, purpose, int(version)))


def _show(policy: Policy, name: str) -> dict[str, Any]:
    purpose, notice = policy.purposes[name], notice_of(policy.document, name)
    return {
        "purpose": name,
        "basis": purpose.basis,
        "data": list(purpose.data),
        "valid_for": policy.document["purposes"][name].get("valid_for"),
        "explicit": purpose.explicit,
        "direct_marketing": purpose.direct_marketing,
        "min_notice_version": purpose.min_notice_version,
        "notice_version": notice.version,
        "notice_revision": notice.revision,
        "texts": notice.texts,
        "hashes": notice.hashes,
    }
