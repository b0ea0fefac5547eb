"""ETag and If-Match (RFC 9110, section 13): nobody overwrites what they have not seen."""

from __future__ import annotations

from flask import Response, request

from service.errors import PreconditionRequiredError, StaleError

DESCRIPTION = "The ETag of what you read; missing is a 428, a changed one a 412"


def require_match(version: object) -> None:
    """Raises PreconditionRequiredError without If-Match, and StaleError unless it names `version` strongly.

    Call it under the lock that protects the version.
    """
    if "If-Match" not in request.headers:
        raise PreconditionRequiredError
    # A weak tag never matches here (section 13.1.1), and what cannot be read names nothing.
    if not request.if_match.contains(str(version)):
        raise StaleError


def with_etag(response: Response, version: object) -> Response:
    response.set_etag(str(version))
    return response
