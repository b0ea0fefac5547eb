"""Consents and objections as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import Instant, Locale, OneOf, StrictBoolean, Text, Whole
from service.use_cases.record_consent import STATUSES


class NoticeShape(Shape):
    """The text that was shown: its major version and language."""

    version = Whole(0, 1_000_000, required=True)
    locale = Locale(required=True)


class ConsentShape(Shape):
    """POST /v1/subjects/{id}/consents: a purpose or a channel, never both."""

    purpose = Text(1, 100)
    channel = Text(1, 100)
    status = OneOf(STATUSES, required=True)
    explicit = StrictBoolean(load_default=False)
    notice = fields.Nested(NoticeShape)
    origin = Text(1, 100, required=True, metadata={"description": "Where it was said: app, web, till"})
    at = Instant(metadata={"description": "The client's clock, trusted within the policy's skew"})
    evidence = Text(1, 4000, metadata={"description": "Free text, sealed"})


class StoppedShape(Shape):
    """An action that a change stopped, or that had left before it: then `state` says whether it may yet
    arrive, `at` when it was handed over (an attempt under way: when that began), and `to` to whom: the shop,
    or the person's own channel."""

    id = fields.String()
    kind = OneOf(("reorder", "reminder", "notice", "order", "cancellation", "message", "permit"))
    strategy = fields.String(allow_none=True)
    state = OneOf(
        ("in_flight", "handed_over", "redeemed", "cancelled"),
        metadata={"description": "Of a permit: cancelled, or redeemed"},
    )
    at = fields.String(metadata={"format": "date-time"})
    to = fields.String()


class ReceiptShape(Shape):
    """The event's place in the person's chain of events, and the ledger's signed promise to hold it (a C2SP
    signed note over id, commitment and instant): its proof can be had within seconds."""

    event = fields.String()
    number = Whole()
    recorded_at = Instant()
    previous = fields.String()
    digest = fields.String()
    commitment = fields.String()
    promise = fields.String()


class ChangedShape(Shape):
    """What every change answers."""

    epoch = Whole()
    cancelled = fields.List(fields.Nested(StoppedShape))
    irrevocable = fields.List(fields.Nested(StoppedShape))


class ConsentRecordedShape(ChangedShape):
    id = fields.String()
    status = fields.String()
    state = fields.String(metadata={"description": "The status in DPV's words, as RenewedConsentGiven"})
    expires_at = Instant(allow_none=True)
    receipt = fields.Nested(ReceiptShape)


class ConsentStateShape(Shape):
    """One purpose or channel as it stands now."""

    purpose = fields.String()
    channel = fields.String()
    basis = fields.String()
    status = fields.String()
    explicit_needed = fields.Boolean()
    opt_in_needed = fields.Boolean()
    explicit = fields.Boolean()
    since = fields.String(allow_none=True)
    expires_at = fields.String(allow_none=True)
    notice_version = fields.Integer(allow_none=True)
    current_notice_version = fields.Integer(allow_none=True)
    may_ask_from = fields.String(allow_none=True)
    objected = fields.Boolean()
    explanation = fields.String()


class ConsentsShape(Shape):
    epoch = Whole()
    consents = fields.List(fields.Nested(ConsentStateShape))


class HistoryShape(Shape):
    """All events, oldest first; each names the digest of the one before."""

    items = fields.List(fields.Dict(keys=fields.String()))
    next = fields.String(allow_none=True)
