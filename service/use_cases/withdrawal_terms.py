"""Whether the consumer may withdraw from the contract over a reorder, and until when (CRD 9, 16; law.md A7).

The law's fourteen days run from the first parcel where goods are delivered regularly (CRD 9(2)(b)(iii)). We
offer them for every parcel, from that parcel's own delivery, which is never earlier: so whoever keeps to what
stands here keeps to the law.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.storage.products import EXCLUDED
from service.storage.reorders import Reorder, ReorderDetails
from service.storage.subjects import Subject
from service.working_days import last_day

DAYS = 14
NOT_ORDERED, TOO_LATE, EXCEPTED = "not_ordered", "too_late", "excluded"
REFUSALS = (NOT_ORDERED, TOO_LATE, EXCEPTED)
# The order is with the shop, or with the customer.
_SENT = ("dispatched", "delivered")
_ENDED = ("skipped", "cancelled")


@dataclass(frozen=True, slots=True)
class Terms:
    """`reason` is None where it is possible. `until` is the first instant at which it is too late; None
    before delivery, when no clock runs."""

    rule: str
    is_sent: bool
    until: datetime | None
    reason: str | None

    @property
    def possible(self) -> bool:
        return self.reason is None


def withdrawal_terms(subject: Subject, reorder: Reorder, rule: str, now: datetime) -> Terms:
    """`rule`: what the catalogue says of the goods. `subject` is the person as known now."""
    details = reorder.details
    if details is None or reorder.state in _ENDED or not _is_ordered(details):
        return Terms(rule, False, None, NOT_ORDERED)
    # One that failed on its way may have reached the shop, and the customer, all the same.
    is_sent = any(step.state in _SENT for step in details.history)
    if reorder.state == "failed" and not is_sent:
        return Terms(rule, False, None, NOT_ORDERED)
    delivered = delivered_at(details)
    until = None if delivered is None else _until(subject, delivered)
    # What has not been sent can always be stopped, whatever it is.
    if is_sent and rule == EXCLUDED:
        return Terms(rule, is_sent, until, EXCEPTED)
    late = until is not None and now >= until
    return Terms(rule, is_sent, until, TOO_LATE if late else None)


def delivered_at(details: ReorderDetails) -> datetime | None:
    """When the goods arrived; the last part of them, where there were several (CRD 9(2)(b)(i))."""
    return max((step.at for step in details.history if step.state == "delivered"), default=None)


def _is_ordered(details: ReorderDetails) -> bool:
    """A prepared order binds nobody before it is approved; an automatic one has its mandate."""
    return details.strategy == "automate" or any(step.state == "approved" for step in details.history)


def _until(subject: Subject, delivered: datetime) -> datetime:
    """The midnight that ends the last day, where the customer lives."""
    choices = subject.choices
    zone = ZoneInfo(choices.timezone)
    end = last_day(delivered.astimezone(zone).date(), DAYS, choices.country) + timedelta(days=1)
    return datetime.combine(end, time(), zone).astimezone(UTC)
