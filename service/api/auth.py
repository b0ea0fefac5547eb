"""Who may call what: bearer tokens (RFC 6750, RFC 9068), and the roles that each view allows."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jws import JWSRegistry

from service import ids
from service.actor import ROLES, Actor
from service.api.keys import TrustedKeys
from service.errors import NotFoundError, UnauthenticatedError
from service.tokens import TOKEN_TYPE

View = TypeVar("View", bound=Callable[..., Any])

# Signatures only: an HMAC would make every verifier an issuer, and "none" makes everybody one.
ALGORITHMS = ("Ed25519", "EdDSA", "ES256", "RS256")
PUBLIC: frozenset[str] = frozenset()
_CUSTOMER = frozenset({"customer"})

_MOST_CACHED = 4096
_LONGEST_CACHED = 300.0
_SKEW = 30.0
_LONGEST_TOKEN = 8192
_LONGEST_NAME = 255


def allow(*roles: str) -> Callable[[View], View]:
    """Mark a view as open to tokens with any of `roles`. It may stand anywhere below the route."""
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"unknown roles {sorted(unknown)}")
    listed = ", ".join(role for role in ROLES if role in roles)

    def mark(view: View) -> View:
        _mark(view, frozenset(roles), {"security": [{"bearer": []}], "x-roles": listed.split(", ")})
        return view

    return mark


def public(view: View) -> View:
    """Mark a view as open to everybody; tests/guards keeps the list of them short."""
    _mark(view, PUBLIC, {"security": []})
    return view


def roles_of(view: Callable[..., Any]) -> frozenset[str] | None:
    """The roles that a view allows; empty for a public one, None for one that nobody has marked."""
    return getattr(view, "allowed_roles", None)


def acting(actor: Actor, allowed: frozenset[str]) -> Actor:
    """`actor` in the roles in which it may call a view that allows `allowed`. Where customers are let in, a
    customer is nothing else: a second role on the same token would open other people's data in the
    customer's name, unrecorded. Raises ForbiddenError."""
    found = actor.as_any_of(allowed)
    return found.as_any_of(_CUSTOMER) if found.has("customer") else found


def _mark(view: Callable[..., Any], roles: frozenset[str], doc: dict[str, Any]) -> None:
    view.allowed_roles = roles  # type: ignore[attr-defined]
    apidoc = view.__dict__.setdefault("_apidoc", {})
    apidoc["manual_doc"] = {**apidoc.get("manual_doc", {}), **doc}


class Authenticator:
    """Verifies tokens of one issuer for one audience. Verified ones are remembered by their hash, for five
    minutes at most, since a signature costs as much as everything else in a small request."""

    def __init__(
        self, keys: TrustedKeys, *, issuer: str, audience: str, clock: Callable[[], datetime]
    ) -> None:
        self._keys, self._issuer, self._audience, self._clock = keys, issuer, audience, clock
        self._registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        self._verified: dict[bytes, tuple[float, Actor]] = {}
        self._version = -1

    def actor(self, header: str | None) -> Actor:
        """The actor behind an Authorization header. Raises UnauthenticatedError."""
        if not header:
            raise UnauthenticatedError
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError
        now = self._clock().timestamp()
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._verified.get(digest)
        if known is not None and now < known[0]:
            return known[1]
        return self._remember(digest, token.strip(), now)

    def _remember(self, digest: bytes, token: str, now: float) -> Actor:
        actor, until = self._verify(token, now)
        if self._version != self._keys.version:
            self._verified.clear()
            self._version = self._keys.version
        while len(self._verified) >= _MOST_CACHED:
            self._verified.pop(next(iter(self._verified)), None)
        self._verified[digest] = (min(until, now + _LONGEST_CACHED), actor)
        return actor

    def _verify(self, token: str, now: float) -> tuple[Actor, float]:
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            raise UnauthenticatedError("the token cannot be read")
        self._keys.refresh()
        try:
            with warnings.catch_warnings():
                # EdDSA is what most issuers still call it (RFC 9864 only renames it).
                warnings.simplefilter("ignore", SecurityWarning)
                verified = jwt.decode(
                    token, lambda unverified: self._keys.find(unverified.headers().get("kid")),
                    registry=self._registry,
                )  # fmt: skip
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise UnauthenticatedError("the token's signature does not verify") from None
        if str(verified.header.get("typ", "")).lower().removeprefix("application/") != TOKEN_TYPE:
            raise UnauthenticatedError(f"the token is not of type {TOKEN_TYPE}")
        claims: dict[str, Any] = dict(verified.claims)
        until = self._check_times(claims, now)
        self._check_origin(claims)
        return _read_actor(claims), until

    def _check_times(self, claims: dict[str, Any], now: float) -> float:
        until = _instant(claims, "exp")
        if until is None or until <= now:
            raise UnauthenticatedError("the token has expired")
        for name in ("nbf", "iat"):
            since = _instant(claims, name)
            if since is not None and since > now + _SKEW:
                raise UnauthenticatedError("the token is not valid yet")
        return until

    def _check_origin(self, claims: dict[str, Any]) -> None:
        if claims.get("iss") != self._issuer:
            raise UnauthenticatedError("the token is from another issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise UnauthenticatedError("the token is for another audience")


def _instant(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnauthenticatedError(f"the token's {name} is not an instant")
    return float(value)


def _read_actor(claims: dict[str, Any]) -> Actor:
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 0 < len(sub) <= _LONGEST_NAME or not sub.isprintable():
        raise UnauthenticatedError("the token names no sub")
    roles, scope = claims.get("roles", []), claims.get("scope", "")
    if not isinstance(roles, list) or not isinstance(scope, str):
        raise UnauthenticatedError("the token's roles or scope cannot be read")
    # An issuer serves other systems too: roles that are not ours mean nothing here.
    known = frozenset(role for role in ROLES if role in roles)
    subject = None
    if "customer" in known:
        try:
            subject = ids.read(ids.SUBJECT, str(claims.get("subject", "")))
        except NotFoundError:
            raise UnauthenticatedError("a customer's token must name its subject") from None
    return Actor(sub, known, frozenset(scope.split()), subject)
