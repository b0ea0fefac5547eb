"""The embedded issuer: access tokens (RFC 9068) for an installation that trusts no other issuer.

Its Ed25519 key lies beside the other keys in the data folder, made at first use with mode 0600.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from service.errors import KeyFileError

# RFC 9864 names the curve as well; verifiers still accept the older "EdDSA" from other issuers.
ALGORITHM = "Ed25519"
TOKEN_TYPE = "at+jwt"  # noqa: S105 (a media type, not a secret)
DEFAULT_TTL = timedelta(hours=8)
LONGEST_TTL = timedelta(days=30)


def load_issuer_key(path: Path) -> OKPKey:
    """The issuer's key in `path`, made now if there is none. Raises KeyFileError."""
    if not path.exists():
        _create(path)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        document = json.loads(path.read_text(encoding="utf-8"))
        key = OKPKey.import_key(document)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError, JoseError):
        raise KeyFileError(f"{path} does not hold an issuer's key") from None
    if mode & 0o077:
        raise KeyFileError(f"{path} can be read by others (mode {mode:04o}); set it to 0600")
    if not key.is_private or key.curve_name != "Ed25519":
        raise KeyFileError(f"{path} does not hold an issuer's private Ed25519 key")
    return key


def public_keys(path: Path) -> bytes:
    """The JWK set (RFC 7517) that verifies what the key in `path` signs."""
    return json.dumps({"keys": [load_issuer_key(path).as_dict(private=False)]}).encode()


def mint(
    key: OKPKey,
    *,
    issuer: str,
    audience: str,
    sub: str,
    roles: Iterable[str],
    now: datetime,
    scope: str = "",
    subject: str | None = None,
    ttl: timedelta = DEFAULT_TTL,
) -> str:
    """A signed token. It says what it is told; who may have which role is for the caller to know."""
    issued = int(now.timestamp())
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "sub": sub,
        "client_id": "samtycke",
        "iat": issued,
        "exp": issued + int(ttl.total_seconds()),
        "jti": secrets.token_urlsafe(12),
        "roles": list(roles),
    }
    if scope:
        claims["scope"] = scope
    if subject is not None:
        claims["subject"] = subject
    header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def _create(path: Path) -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": f"embedded-{secrets.token_hex(4)}", "use": "sig"})
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(key.as_dict(private=True), file)
            file.flush()
            os.fsync(file.fileno())
        # The server and the command line may both come first: a link keeps whichever file was made earlier.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
