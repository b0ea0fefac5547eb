"""How long each kind of data is kept (GDPR Art. 5(1)(e)): a policy's periods, and what holds without one.

A data category's own `retention` counts; without one, the longest of the purposes that use it. The service's
own records have theirs under `retention.records` of the whole document.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from service.policy.instants import EARLIEST_NOW, add_duration, read_duration
from service.policy.policy import Policy

_DATA = "P24M"
_HOUR = timedelta(hours=1)

# `consent_proof` is counted from the end of what it proves.
RECORDS: Mapping[str, str] = MappingProxyType(
    {
        "access_log": "P24M",
        "changes_told": "P24M",
        "consent_proof": "P36M",
        "decisions": "P24M",
        "inbox": "P24M",
        "jobs": "P1M",
        "old_states": "P1M",
        # From their end; as long as a claim about the order may be made (three years, as for consents).
        "reorders": "P36M",
        "pilots": "P24M",
        "request_details": "P36M",
        "reviews": "P36M",
        "withdrawals": "P36M",
    }
)


def data_period(policy: Policy, data: str) -> str:
    """The ISO 8601 duration for which signals of a data category are kept."""
    own = _period((policy.document.get("data") or {}).get(data))
    if own is not None:
        return own
    purposes: Mapping[str, Mapping[str, object]] = policy.document.get("purposes") or {}
    periods = [
        found
        for name, purpose in policy.purposes.items()
        if data in purpose.data and (found := _period(purposes.get(name))) is not None
    ]
    return max(periods, key=_length, default=_DATA)


def longest_data_period(policy: Policy) -> str:
    return max((data_period(policy, data) for data in policy.data), key=_length, default=_DATA)


def record_period(policy: Policy, record: str) -> str:
    """The same for one of RECORDS."""
    retention = policy.document.get("retention")
    records = retention.get("records") if isinstance(retention, Mapping) else None
    found = (records or {}).get(record, RECORDS[record])
    return str(found)


def purge_after(at: datetime, period: str) -> datetime:
    """The first full hour at which what happened at `at` has been kept for `period`."""
    end = add_duration(at, period)
    whole = end.replace(minute=0, second=0, microsecond=0)
    return whole if whole == end else whole + _HOUR


def before(now: datetime, period: str) -> datetime:
    """What happened before this instant has been kept for `period`. Months are those of the calendar: before
    31 March a month ago is the last of February."""
    months, rest = read_duration(period)
    then = now.astimezone(UTC) - rest
    months = then.year * 12 + then.month - 1 - months
    last = calendar.monthrange(months // 12, months % 12 + 1)[1]
    return then.replace(year=months // 12, month=months % 12 + 1, day=min(then.day, last))


def _length(period: str) -> timedelta:
    """To tell the longer of two."""
    return add_duration(EARLIEST_NOW, period) - EARLIEST_NOW


def _period(entry: object) -> str | None:
    retention = entry.get("retention") if isinstance(entry, Mapping) else None
    if isinstance(retention, Mapping):
        retention = retention.get("period")
    return retention if isinstance(retention, str) else None
