"""The sealed document of a subject's choices, and what the decision core sees of it.

One document per epoch holds everything a decision depends on but contacts and orders, which change
far more often and have a document of their own. It is encoded with msgspec, decoded straight into
the classes below, and turned into the core's `State` at a given instant.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from service.policy import Consent, Contact, Level, Mandate, Order, Quiet, State


class StoredConsent(msgspec.Struct, omit_defaults=True):
    """What the last event about a purpose left behind. `since` is that event's instant."""

    status: str
    since: datetime
    explicit: bool = False
    notice_version: int = 0
    expires_at: datetime | None = None
    # A yes on top of a yes (DPV: RenewedConsentGiven).
    renewed: bool = False


class StoredMandate(msgspec.Struct, omit_defaults=True):
    """A mandate with the order-button text that was accepted, and its locale (law.md A1)."""

    id: str
    covers: str
    currency: str
    max_price_minor: int
    since: datetime
    text: str = ""
    locale: str = ""
    max_quantity: int | None = None
    max_spend_minor: int | None = None
    spend_days: int | None = None
    min_days_between: int | None = None
    expires_at: datetime | None = None
    suspended_at: datetime | None = None
    # The number of the event that concluded it, which keeps the evidence; 0 where none was recorded.
    event: int = 0
    # An event has recorded that it ran out.
    expired: bool = False
    # A deleted mandate stays as an expired one, so that removing a narrow limit never lets a wide one serve.
    deleted_at: datetime | None = None

    def ends(self) -> datetime | None:
        """The instant from which it no longer serves."""
        ends = [at for at in (self.expires_at, self.suspended_at, self.deleted_at) if at is not None]
        return min(ends) if ends else None


class StoredQuiet(msgspec.Struct):
    """Local times, `HH:MM`."""

    start: str
    end: str


class Choices(msgspec.Struct, omit_defaults=True):
    """Everything one subject has chosen, and the head of the chain of events that recorded it."""

    timezone: str = "UTC"
    locale: str = "en"
    country: str = ""
    birth_date: date | None = None
    consents: dict[str, StoredConsent] = {}
    objections: list[str] = []
    sharing: dict[str, bool] = {}
    levels: dict[str, str] = {}
    channels: dict[str, bool] = {}
    # The opt-ins behind `channels`: when they were given and under which notice.
    opt_ins: dict[str, StoredConsent] = {}
    paused_until: datetime | None = None
    quiet: StoredQuiet | None = None
    max_per_week: int | None = None
    # Flag to the instant at which it ends by itself, if any.
    flags: dict[str, datetime | None] = {}
    # Situations that the person ended early, and when: what was said of one before that no longer counts.
    situations_ended: dict[str, datetime] = {}
    mandates: list[StoredMandate] = []
    # Number and digest of the last consent event, so that a chain cut off at its end shows.
    events: int = 0
    head: bytes = bytes(32)
    # The same of the last event that was removed for its age, so that one cut off at its beginning shows.
    purged: int = 0
    tail: bytes = bytes(32)


class Activity(msgspec.Struct, omit_defaults=True):
    """Hand-overs to the customer and automatic orders, as far back as a window may look."""

    contacts: list[Contact] = []
    orders: list[Order] = []


_choices_encoder = msgspec.msgpack.Encoder()
_choices_decoder = msgspec.msgpack.Decoder(Choices)
_activity_decoder = msgspec.msgpack.Decoder(Activity)


def encode(document: Choices | Activity) -> bytes:
    return _choices_encoder.encode(document)


def decode_choices(data: bytes) -> Choices:
    return _choices_decoder.decode(data)


def decode_activity(data: bytes) -> Activity:
    return _activity_decoder.decode(data)


def to_state(subject: str, status: str, choices: Choices, activity: Activity, now: datetime) -> State:
    """The core's view of the choices at `now`."""
    return State(
        subject=subject,
        status=status,
        birth_date=choices.birth_date,
        timezone=choices.timezone,
        consents={
            purpose: Consent(c.status, c.explicit, c.notice_version, c.expires_at)
            for purpose, c in choices.consents.items()
        },
        objections=frozenset(choices.objections),
        sharing=choices.sharing,
        levels={key: Level[name] for key, name in choices.levels.items()},
        channels=choices.channels,
        paused_until=choices.paused_until,
        quiet=None if choices.quiet is None else Quiet(choices.quiet.start, choices.quiet.end),
        max_per_week=choices.max_per_week,
        flags=frozenset(f for f, until in choices.flags.items() if until is None or until > now),
        mandates=tuple(_to_mandate(mandate) for mandate in choices.mandates),
        contacts=tuple(activity.contacts),
        orders=tuple(activity.orders),
    )


def _to_mandate(mandate: StoredMandate) -> Mandate:
    return Mandate(
        id=mandate.id,
        covers=mandate.covers,
        currency=mandate.currency,
        max_price_minor=mandate.max_price_minor,
        max_quantity=mandate.max_quantity,
        max_spend_minor=mandate.max_spend_minor,
        spend_days=mandate.spend_days,
        min_days_between=mandate.min_days_between,
        expires_at=mandate.ends(),
    )
