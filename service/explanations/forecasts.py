"""A run-out as a customer understands it: about when, and how sure we are."""

from __future__ import annotations

from datetime import datetime

from service.explanations.amounts import show_days
from service.explanations.catalogue import sentence

# The half of all that lies around the median reaches so far towards the dates that leave a tenth outside
# (the normal's .674 of 1.282 spreads).
_MIDDLE_HALF = 0.526


def explain_run_out(
    earliest: datetime,
    median: datetime,
    latest: datetime,
    sure: str,
    locale: str,
    *,
    now: datetime,
    timezone: str = "UTC",
) -> str:
    """The days on which it runs out as often as not, in the reader's language and time zone.

    `sure` is `sure`, `fair` or `guess` (service.forecast). KeyError: it is none of them.
    """
    first, last = _likely(earliest, median, latest)
    if last < now:
        return sentence(locale, "run_out.past")
    when = show_days(max(first, now), last, locale, timezone)
    return sentence(locale, f"run_out.{sure}", {"when": when})


def show_run_out_days(
    earliest: datetime, median: datetime, latest: datetime, locale: str, timezone: str = "UTC"
) -> str:
    """The same days alone."""
    return show_days(*_likely(earliest, median, latest), locale, timezone)


def _likely(earliest: datetime, median: datetime, latest: datetime) -> tuple[datetime, datetime]:
    return median - (median - earliest) * _MIDDLE_HALF, median + (latest - median) * _MIDDLE_HALF
