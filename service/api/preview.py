"""What a change would do, before it is made."""

from __future__ import annotations

from typing import Any

from schemas.preview import PreviewAskShape, PreviewShape
from service.api.auth import allow
from service.api.context import reach, unit
from service.api.openapi import Routes
from service.policy import Policy
from service.use_cases.level_changes import show_foreseen
from service.use_cases.mandate_terms import Limits
from service.use_cases.notices import current_notice
from service.use_cases.preview import Changes, preview
from service.use_cases.record_consent import Notice, RecordConsent

routes = Routes("preview", "What a change would do, before it is made")


@routes.post("/subjects/<subject>/preview")
@routes.answer(200, PreviewShape)
@routes.body(PreviewAskShape)
@allow("customer")
def show(body: dict[str, Any], subject: str) -> dict[str, Any]:
    """For every programme and category: the level before and after, what limits it, what data would be used
    and what may be charged. Changes nothing."""
    said = body["changes"]
    with unit() as u:
        changes = Changes(
            consents=[_answer(u.policy, each) for each in said.get("consents", ())],
            preferences=said.get("preferences", {}),
            mandates={
                name: None if limits is None else Limits(**limits)
                for name, limits in said.get("mandates", {}).items()
            },
        )
        found, levels = preview(u, reach(subject), changes)
        locale = body.get("locale") or found.choices.locale
        shown = [show_foreseen(u, each, locale) for each in levels]
    return {"epoch": found.epoch, "policy": u.in_force.version, "levels": shown}


def _answer(policy: Policy, said: dict[str, Any]) -> RecordConsent:
    """As it would be recorded, under the newest notice unless it names one."""
    notice = said.pop("notice", None)
    given = Notice(**notice) if notice else Notice(_newest(policy, said), "en")
    return RecordConsent(notice=given, origin="preview", **said)


def _newest(policy: Policy, said: dict[str, Any]) -> int:
    purpose, channel = policy.purposes.get(said.get("purpose", "")), said.get("channel", "")
    if purpose is not None:
        return purpose.min_notice_version or 1
    return (current_notice(policy, channel, channel=True) if channel in policy.channels else None) or 1
