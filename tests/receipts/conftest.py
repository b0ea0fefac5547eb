"""Consent events of every kind in the demo's pharmacy, without a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from service.consent_states import ConsentState
from service.receipts import ShownNotice, Source
from service.use_cases.notices import channel_notice_of, notice_of

POLICY_FILE = Path(__file__).parents[2] / "service" / "embedded" / "demo" / "policy.yaml"
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

Make = Callable[..., Source]


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(POLICY_FILE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def make(document: dict[str, Any]) -> Make:
    """`make("health_personalisation", state=…, locale=…)`: the source of one event's receipt."""

    def source(
        name: str = "personal_offers",
        state: ConsentState = ConsentState.GIVEN,
        locale: str = "sv",
        shown: bool = True,
        **changes: Any,
    ) -> Source:
        kind = "channel" if name in document["channels"] else "purpose"
        notice = (notice_of if kind == "purpose" else channel_notice_of)(document, name)
        given = state.permits and kind == "purpose"
        fields: dict[str, Any] = {
            "event": UUID("0193519c-5a80-7000-8000-000000000001"),
            "subject": UUID("0b8f6b52-6f0e-4b7e-9b59-3c1f6d2a8e11"),
            "number": 3,
            "recorded_at": AT,
            "previous": bytes(32),
            "digest": bytes(range(32)),
            "kind": kind,
            "name": name,
            "state": state,
            "explicit": given and document["purposes"][name].get("explicit") is True,
            "at": AT,
            "expires_at": datetime(2027, 11, 22, 9, 0, tzinfo=UTC) if given else None,
            "origin": "app",
            "notice": ShownNotice(
                version=notice.version,
                locale=locale,
                shown=shown,
                revision=notice.revision,
                texts=notice.texts.get(locale),
                sha256=notice.hashes.get(locale),
            ),
            "document": document,
        }
        return Source(**fields | changes)

    return source
