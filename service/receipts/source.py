"""What a receipt is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.consent_states import ConsentState
from service.ids import CONSENT_EVENT, SUBJECT, show


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """The exact text. `shown` is False where nothing was shown, as for a withdrawal: then it is the one under
    which the answer before had been given. `texts` is None where its words are not kept in that language."""

    version: int
    locale: str
    shown: bool
    revision: int | None = None
    texts: Mapping[str, str] | None = None
    sha256: str | None = None

    @property
    def title(self) -> str | None:
        return None if self.texts is None else self.texts.get("title")

    @property
    def summary(self) -> str | None:
        return None if self.texts is None else self.texts.get("summary")

    @property
    def words(self) -> str | None:
        return None if self.texts is None else self.texts.get("notice")


@dataclass(frozen=True, slots=True)
class Source:
    """One consent event with all that a receipt says of it. `document` is the policy of that day, and
    `kind` is `purpose` or `channel`, of which `name` is one."""

    event: UUID
    subject: UUID
    number: int
    recorded_at: datetime
    previous: bytes
    digest: bytes
    kind: str
    name: str
    state: ConsentState
    explicit: bool
    at: datetime
    expires_at: datetime | None
    origin: str
    notice: ShownNotice
    document: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        return show(CONSENT_EVENT, self.event)

    @property
    def subject_id(self) -> str:
        return show(SUBJECT, self.subject)

    @property
    def receipt_uuid(self) -> UUID:
        return _uuid(b"receipt", self.event.bytes)

    @property
    def record_uuid(self) -> UUID:
        """The same for every event about this person's consent to this purpose or channel: the receipt of a
        withdrawal names the record that the yes began."""
        return _uuid(b"record", self.subject.bytes, self.kind.encode(), self.name.encode())

    @property
    def entry(self) -> Mapping[str, Any]:
        """What the policy says of the purpose or channel."""
        section = self.document.get("purposes" if self.kind == "purpose" else "channels") or {}
        found: Mapping[str, Any] = section.get(self.name) or {}
        return found


def _uuid(*parts: bytes) -> UUID:
    """ISO/IEC TS 27560 asks for UUIDs of version 4. A drawn one would have to be kept somewhere to be the
    same tomorrow, so the bits come from a digest of what is unique about it."""
    hashed = hashlib.sha256(b"samtycke/receipt/1\x00" + b"\x00".join(parts)).digest()
    return UUID(bytes=hashed[:16], version=4)
