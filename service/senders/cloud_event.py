"""The body of a webhook: a CloudEvent 1.0 in structured JSON, with the attributes of law.md S3.

A parcel's `content` may say `at` (RFC 3339), `special` (true: special categories, GDPR Art. 9) and `data`;
what has no `data` is the data itself, but for `special`. The event names the person by the opaque id alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from service.senders import Parcel

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
# Routes by which a person is reached: whoever sends it on needs the address and the language.
_TO_A_PERSON = frozenset({"sms", "push"})


def body_of(parcel: Parcel, source: str) -> bytes:
    """The same bytes in every attempt, for the same parcel."""
    content = parcel.content
    data: Any = content.get("data")
    if data is None:
        data = {name: value for name, value in content.items() if name != "special"}
    if parcel.route in _TO_A_PERSON:
        data = {"to": parcel.to, "locale": parcel.locale, "message": data}
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": parcel.key,
        "source": source,
        "type": parcel.kind,
        "subject": parcel.subject,
    }
    if "at" in content:
        event["time"] = content["at"]
    event |= {
        "datacontenttype": "application/json",
        "dataclassification": "confidential",
        "dataregulation": "GDPR",
        "datacategory": "special-category" if content.get("special") else "personal",
        "data": data,
    }
    return msgspec.json.encode(event)
