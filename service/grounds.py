"""The grounds on which an erasure waits or a request is refused, each with its article of the GDPR."""

from __future__ import annotations

from collections.abc import Mapping

# Art. 17(3): what the right to erasure gives way to. A legal hold rests on one of these.
HOLDS: Mapping[str, str] = {
    "expression": "Art. 17(3)(a)",
    "legal_obligation": "Art. 17(3)(b)",
    "public_health": "Art. 17(3)(c)",
    "archiving": "Art. 17(3)(d)",
    "legal_claims": "Art. 17(3)(e)",
}
_ANY: Mapping[str, str] = {
    "identity_unproven": "Art. 12(2), 12(6)",
    "manifestly_unfounded": "Art. 12(5)(b)",
    "excessive": "Art. 12(5)(b)",
}
_COPY: Mapping[str, str] = {"rights_of_others": "Art. 15(4), 20(4)"}

REFUSALS: Mapping[str, str] = {**HOLDS, **_ANY, **_COPY}


def fits(code: str, request_type: str) -> bool:
    """Whether a request of this type can be refused on this ground."""
    if code in HOLDS:
        return request_type == "erasure"
    if code in _COPY:
        return request_type in ("access", "portability")
    return code in _ANY
