"""Tokens: what is remembered and for how long, whose keys are trusted, and by which algorithms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from service.actor import ROLES, Actor
from service.api import auth
from service.api.auth import ALGORITHMS, Authenticator, acting
from service.api.keys import TrustedKeys, trusted_keys
from service.config import Config
from service.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from service.ids import SUBJECT, show
from service.tokens import TOKEN_TYPE
from tests.api.helpers import ANYBODY, START, Clock, Installation, installed, problem_of
from tests.servers import Servers

ISSUER, AUDIENCE = "https://issuer.example", "samtycke"


def ed25519(kid: str) -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})


def set_of(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def signed(key: Key, alg: str = "Ed25519", header: dict[str, Any] | None = None, **changes: Any) -> str:
    issued = int(START.timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "shop-1", "iat": issued, "exp": issued + 3600}
    claims |= {"roles": ["shop"]} | changes
    head = {"alg": alg, "typ": TOKEN_TYPE, "kid": key.kid} | (header or {})
    registry = JWSRegistry(algorithms=[alg], strict_check_header=False)
    with warnings.catch_warnings():
        # Some of these are signed with what nobody should use any more: that is the test.
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.encode(head, claims, key, registry=registry)


class Issuer:
    """A key set that changes, and how often it was read."""

    def __init__(self, *keys: Key) -> None:
        self.document: bytes | Exception = set_of(*keys)
        self.reads = 0

    def read(self) -> bytes:
        self.reads += 1
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


def authenticator(issuer: Issuer, clock: Clock, *, floor: float = 0, age: float = 300) -> Authenticator:
    keys = TrustedKeys(issuer.read, floor=floor, age=age)
    return Authenticator(keys, issuer=ISSUER, audience=AUDIENCE, clock=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signature was looked at."""
    seen: list[str] = []
    decode = jwt.decode

    def counting(token: str, *args: Any, **kwargs: Any) -> Any:
        seen.append(token)
        return decode(token, *args, **kwargs)

    monkeypatch.setattr(auth.jwt, "decode", counting)
    return seen


def test_a_verified_token_is_remembered_for_five_minutes(clock: Clock, verified: list[str]) -> None:
    key = ed25519("a")
    who = authenticator(Issuer(key), clock)
    header = f"Bearer {signed(key)}"
    assert who.actor(header) is who.actor(header)
    clock.now += timedelta(seconds=299)
    who.actor(header)
    assert len(verified) == 1
    clock.now += timedelta(seconds=1)
    who.actor(header)
    assert len(verified) == 2


def test_a_remembered_token_ends_when_it_says(clock: Clock) -> None:
    key = ed25519("a")
    who = authenticator(Issuer(key), clock)
    header = f"Bearer {signed(key, exp=int(START.timestamp()) + 10)}"
    who.actor(header)
    clock.now += timedelta(seconds=9)
    who.actor(header)
    clock.now += timedelta(seconds=1)
    with pytest.raises(UnauthenticatedError, match="expired"):
        who.actor(header)


def test_what_did_not_verify_is_not_remembered(clock: Clock, verified: list[str]) -> None:
    key = ed25519("a")
    who = authenticator(Issuer(key), clock)
    header = f"Bearer {signed(ed25519('a'))}"
    for _ in range(2):
        with pytest.raises(UnauthenticatedError):
            who.actor(header)
    assert len(verified) == 2


def test_a_token_that_is_not_valid_yet_becomes_so(clock: Clock) -> None:
    key = ed25519("a")
    who = authenticator(Issuer(key), clock)
    header = f"Bearer {signed(key, nbf=int(START.timestamp()) + 60)}"
    with pytest.raises(UnauthenticatedError, match="not valid yet"):
        who.actor(header)
    # Clocks differ by half a minute and nobody is to blame.
    clock.now += timedelta(seconds=30)
    assert who.actor(header).sub == "shop-1"


def test_the_cache_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_MOST_CACHED", 3)
    key = ed25519("a")
    who = authenticator(Issuer(key), clock)
    for number in range(5):
        assert who.actor(f"Bearer {signed(key, sub=f'till-{number}')}").sub == f"till-{number}"
    assert len(who._verified) == 3


def test_an_unknown_key_id_has_the_set_read_again(clock: Clock) -> None:
    old, new = ed25519("old"), ed25519("new")
    issuer = Issuer(old)
    who = authenticator(issuer, clock)
    who.actor(f"Bearer {signed(old)}")
    issuer.document = set_of(old, new)
    assert who.actor(f"Bearer {signed(new)}").sub == "shop-1"
    assert issuer.reads == 2


def test_junk_does_not_make_us_fetch(clock: Clock) -> None:
    key = ed25519("a")
    issuer = Issuer(key)
    who = authenticator(issuer, clock, floor=60)
    for number in range(20):
        with pytest.raises(UnauthenticatedError):
            who.actor(f"Bearer {signed(ed25519(f'junk-{number}'))}")
    assert issuer.reads == 1


def test_a_key_taken_out_of_the_set_opens_nothing_that_was_remembered(clock: Clock) -> None:
    old, new = ed25519("old"), ed25519("new")
    issuer = Issuer(old, new)
    who = authenticator(issuer, clock, age=0)
    header = f"Bearer {signed(old)}"
    who.actor(header)
    issuer.document = set_of(new)
    who.actor(f"Bearer {signed(new)}")
    with pytest.raises(UnauthenticatedError):
        who.actor(header)


def test_an_issuer_that_is_down_keeps_its_known_keys(clock: Clock) -> None:
    key = ed25519("a")
    issuer = Issuer(key)
    who = authenticator(issuer, clock, age=0)
    who.actor(f"Bearer {signed(key)}")
    for broken in (OSError("down"), b"<html>", b"[]", b'{"keys": 7}', b'{"keys": [{"kty": "OKP"}]}', b"\xff"):
        issuer.document = broken
        assert who.actor(f"Bearer {signed(key, jti=repr(broken))}").sub == "shop-1"


def test_without_any_keys_nobody_gets_in_and_nobody_is_blamed(clock: Clock) -> None:
    issuer = Issuer()
    issuer.document = OSError("down")
    with pytest.raises(UnavailableError):
        authenticator(issuer, clock).actor(f"Bearer {signed(ed25519('a'))}")


@pytest.mark.parametrize(
    ("make", "alg"),
    [
        (lambda: OKPKey.generate_key("Ed25519", {"kid": "k"}), "Ed25519"),
        (lambda: OKPKey.generate_key("Ed25519", {"kid": "k"}), "EdDSA"),
        (lambda: ECKey.generate_key("P-256", {"kid": "k"}), "ES256"),
        (lambda: RSAKey.generate_key(2048, {"kid": "k"}), "RS256"),
    ],
)
def test_algorithms_that_are_accepted(clock: Clock, make: Callable[[], Key], alg: str) -> None:
    assert alg in ALGORITHMS
    key = make()
    assert authenticator(Issuer(key), clock).actor(f"Bearer {signed(key, alg)}").roles == {"shop"}


@pytest.mark.parametrize(
    ("make", "alg"),
    [
        (lambda: RSAKey.generate_key(2048, {"kid": "k"}), "PS256"),
        (lambda: RSAKey.generate_key(2048, {"kid": "k"}), "RS512"),
        (lambda: ECKey.generate_key("P-384", {"kid": "k"}), "ES384"),
        (lambda: OctKey.generate_key(256, {"kid": "k"}), "HS256"),
    ],
)
def test_algorithms_that_are_not(clock: Clock, make: Callable[[], Key], alg: str) -> None:
    key = make()
    document = json.dumps({"keys": [key.as_dict(private=True)]}).encode()
    issuer = Issuer()
    issuer.document = document
    with pytest.raises((UnauthenticatedError, UnavailableError)):
        authenticator(issuer, clock).actor(f"Bearer {signed(key, alg)}")


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_an_rsa_key_that_is_too_short_is_not_trusted(clock: Clock) -> None:
    short = RSAKey.generate_key(1024, {"kid": "short"}, auto_kid=False)
    issuer = Issuer(short, ed25519("good"))
    with pytest.raises(UnauthenticatedError):
        authenticator(issuer, clock).actor(f"Bearer {signed(short, 'RS256')}")


def test_a_public_key_is_no_shared_secret(clock: Clock) -> None:
    """The classic confusion: an HMAC under the bytes that everybody can read."""
    key = RSAKey.generate_key(2048, {"kid": "k"})
    _, body, _ = signed(key, "RS256").split(".")
    head = text_of(json.dumps({"alg": "HS256", "typ": TOKEN_TYPE, "kid": "k"}).encode())
    for secret in (key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode()):
        mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        with pytest.raises(UnauthenticatedError):
            authenticator(Issuer(key), clock).actor(f"Bearer {head}.{body}.{text_of(mac)}")


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": None},
        {"nbf": "now"},
        {"iat": []},
        {"aud": ["other"]},
        {"aud": None},
        {"iss": None},
        {"sub": ""},
        {"sub": "a" * 256},
        {"sub": "a\x00b"},
        {"sub": 7},
        {"roles": "shop"},
        {"roles": {"shop": True}},
        {"scope": ["offers:special"]},
        {"roles": ["customer"]},
        {"roles": ["customer"], "subject": 7},
        {"roles": ["customer"], "subject": "sub_x"},
    ],
)
def test_claims_that_cannot_be_read(clock: Clock, changes: dict[str, Any]) -> None:
    key = ed25519("a")
    with pytest.raises(UnauthenticatedError):
        authenticator(Issuer(key), clock).actor(f"Bearer {signed(key, **changes)}")


def test_claims_that_can(clock: Clock) -> None:
    key = ed25519("a")
    who = authenticator(Issuer(key), clock)
    changes = {"aud": ["other", AUDIENCE], "roles": ["shop", "root", 7], "scope": "a offers:special"}
    assert who.actor(f"bearer {signed(key, **changes)}") == Actor(
        "shop-1", frozenset({"shop"}), frozenset({"a", "offers:special"})
    )
    own = signed(key, roles=["customer"], subject=show(SUBJECT, ANYBODY))
    assert who.actor(f"BEARER {own}").subject == ANYBODY
    # A subject on a staff token is nobody's.
    assert who.actor(f"Bearer {signed(key, subject=show(SUBJECT, ANYBODY))}").subject is None
    assert who.actor(f"Bearer {signed(key, roles=[])}").roles == frozenset()


def test_where_customers_are_let_in_a_customer_is_nothing_else() -> None:
    both = Actor("a", frozenset({"customer", "dpo", "shop"}), subject=ANYBODY)
    assert acting(both, frozenset({"customer", "dpo"})).roles == {"customer"}
    assert acting(both, frozenset({"dpo", "shop"})).roles == {"dpo", "shop"}
    assert acting(both, frozenset(ROLES)).roles == {"customer"}
    with pytest.raises(ForbiddenError):
        acting(both, frozenset({"admin"}))


@pytest.fixture(scope="module")
def outside(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, Path, OKPKey]]:
    """An installation that trusts another issuer, whose keys lie in a file."""
    folder = tmp_path_factory.mktemp("home")
    jwks, key = folder / "jwks.json", ed25519("first")
    jwks.write_bytes(set_of(key))
    with installed(servers, folder, SAMTYCKE_JWKS=str(jwks), SAMTYCKE_ISSUER=ISSUER) as found:
        yield found, jwks, key


def test_another_issuers_keys_are_read_from_its_file(
    outside: tuple[Installation, Path, OKPKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, jwks, first = outside
    client = there.client

    def get(token: str) -> Any:
        return client.get("/v1/products", headers={"Authorization": f"Bearer {token}"})

    assert get(signed(first)).status_code == 200
    # Its own issuer is trusted no longer, though its key lies in the same folder.
    problem_of(client.get("/v1/products", headers=there.token("shop")), 401, "unauthenticated")
    second = ed25519("second")
    jwks.write_bytes(set_of(second))
    problem_of(get(signed(second)), 401, "unauthenticated")
    later = time.monotonic() + 31
    monkeypatch.setattr("service.api.keys.time.monotonic", lambda: later)
    assert get(signed(second)).status_code == 200
    problem_of(get(signed(first, jti="new")), 401, "unauthenticated")


def test_a_missing_key_file_says_not_now(there_without_keys: Installation) -> None:
    headers = {"Authorization": f"Bearer {signed(ed25519('a'))}"}
    answer = there_without_keys.client.get("/v1/products", headers=headers)
    problem_of(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]


@pytest.fixture
def there_without_keys(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    jwks = tmp_path / "jwks.json"
    jwks.write_text("not yet")
    with installed(servers, tmp_path, SAMTYCKE_JWKS=str(jwks), SAMTYCKE_ISSUER=ISSUER) as found:
        yield found


def test_keys_are_fetched_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ed25519("a")
    asked: list[str] = []

    class Answer:
        def __enter__(self) -> Answer:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, most: int) -> bytes:
            return set_of(key)[:most]

    def urlopen(url: str, timeout: float) -> Answer:
        assert timeout <= 5
        asked.append(url)
        return Answer()

    monkeypatch.setattr("service.api.keys.urllib.request.urlopen", urlopen)
    url = "https://issuer.example/keys"
    config = Config.from_environ({"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_JWKS": url})
    keys = trusted_keys(config)
    assert asked == []
    assert keys.find("a").kid == "a"
    assert asked == [url]
