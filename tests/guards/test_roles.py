"""Nobody reaches a verb outside their role, nor anybody else's data (P12): every route with every token."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from service.actor import ROLES
from service.tokens import ALGORITHM, TOKEN_TYPE, load_issuer_key
from tests.api.helpers import Installation, problem_of
from tests.guards.calls import CALLS, World, rules_of

ALL = ROLES

# api.md, by hand: what may be called with which role. Nothing is derived from the code.
TABLE: dict[str, tuple[str, ...]] = {
    "POST /v1/subjects": ("shop", "admin"),
    "GET /v1/subjects/<subject>": ("customer", "dpo", "shop"),
    "POST /v1/subjects/lookup": ("shop", "dpo"),
    "POST /v1/subjects/<subject>/identifiers": ("shop", "dpo"),
    "DELETE /v1/subjects/<subject>/identifiers/<identifier>": ("shop", "dpo"),
    "POST /v1/subjects/<subject>/merge": ("dpo",),
    "POST /v1/subjects/<subject>/consents": ("customer", "shop", "dpo"),
    "GET /v1/subjects/<subject>/consents": ("customer", "dpo"),
    "GET /v1/subjects/<subject>/consents/history": ("customer", "dpo"),
    "GET /v1/receipts/<event>": ("customer", "dpo"),
    "PUT /v1/subjects/<subject>/objections/<about>": ("customer", "dpo"),
    "DELETE /v1/subjects/<subject>/objections/<about>": ("customer", "dpo"),
    "GET /v1/subjects/<subject>/preferences": ("customer", "dpo"),
    "PATCH /v1/subjects/<subject>/preferences": ("customer", "dpo"),
    "POST /v1/subjects/<subject>/preview": ("customer",),
    "GET /v1/subjects/<subject>/mandates": ("customer",),
    "GET /v1/subjects/<subject>/mandates/<mandate>": ("customer",),
    "POST /v1/subjects/<subject>/mandates/terms": ("customer",),
    "GET /v1/subjects/<subject>/mandates/<mandate>/history": ("customer",),
    "PUT /v1/subjects/<subject>/mandates/<mandate>": ("customer",),
    "DELETE /v1/subjects/<subject>/mandates/<mandate>": ("customer",),
    "POST /v1/subjects/<subject>/mandates/<mandate>/suspend": ("customer",),
    "POST /v1/subjects/<subject>/mandates/<mandate>/resume": ("customer",),
    "GET /v1/purposes": ALL,
    "GET /v1/notices/<purpose>/<version>": ALL,
    "POST /v1/signals": ("shop", "customer"),
    "GET /v1/products": ("shop",),
    "GET /v1/products/<sku>": ("shop",),
    "PUT /v1/products/<sku>": ("shop",),
    "POST /v1/decisions": ("customer", "shop", "dpo", "marketing"),
    "GET /v1/decisions/<decision>": ("customer", "dpo"),
    "POST /v1/offers/permitted": ("marketing",),
    "GET /v1/offers": ("marketing",),
    "GET /v1/offers/<offer>": ("marketing",),
    "PUT /v1/offers/<offer>": ("marketing",),
    "POST /v1/permits/redeem": ("marketing", "shop"),
    "POST /v1/candidates": ("marketing", "shop"),
    # "its creator, dpo": whoever may submit a job is a creator.
    "GET /v1/jobs/<job>": ("marketing", "shop", "dpo"),
    "DELETE /v1/jobs/<job>": ("marketing", "shop", "dpo"),
    "GET /v1/jobs/<job>/results": ("marketing", "shop", "dpo"),
    # "service roles": the staff roles that may ask /v1/decisions.
    "POST /access/v1/evaluation": ("shop", "dpo", "marketing"),
    "POST /access/v1/evaluations": ("shop", "dpo", "marketing"),
    "GET /v1/subjects/<subject>/reorders": ("customer",),
    "POST /v1/subjects/<subject>/reorders": ("customer",),
    "POST /v1/reorders/<reorder>/approve": ("customer",),
    "POST /v1/reorders/<reorder>/snooze": ("customer",),
    "POST /v1/reorders/<reorder>/change": ("customer",),
    "POST /v1/reorders/<reorder>/have-plenty": ("customer",),
    "POST /v1/reorders/<reorder>/skip": ("customer",),
    "POST /v1/reorders/<reorder>/cancel": ("customer",),
    "GET /v1/reviews": ("pharmacist",),
    "POST /v1/reorders/<reorder>/review": ("pharmacist",),
    "POST /v1/reorders/<reorder>/withdraw": ("customer",),
    "POST /v1/requests": ("customer", "dpo"),
    "GET /v1/requests": ("dpo",),
    # Whoever filed a request may see how it stands.
    "GET /v1/requests/<request_id>": ("customer", "dpo"),
    "GET /v1/requests/<request_id>/report": ("customer", "dpo"),
    "POST /v1/requests/<request_id>/verify": ("dpo",),
    "POST /v1/requests/<request_id>/extend": ("dpo",),
    "POST /v1/requests/<request_id>/refuse": ("dpo",),
    "POST /v1/requests/<request_id>/fulfil": ("dpo",),
    # The DPO's; a customer checks the proofs of her own entries with them.
    "GET /v1/ledger/checkpoint": ("customer", "dpo"),
    "GET /v1/ledger/entries/<position>/proof": ("customer", "dpo"),
    "GET /v1/ledger/consistency": ("customer", "dpo"),
    "POST /v1/subjects/<subject>/holds": ("dpo",),
    "GET /v1/subjects/<subject>/holds": ("dpo",),
    "DELETE /v1/subjects/<subject>/holds/<hold>": ("dpo",),
    "GET /v1/recipients/notices": ("dpo",),
    "GET /v1/pilots": ("dpo", "admin"),
    "GET /v1/subjects/<subject>/inbox": ("customer",),
    "POST /v1/subjects/<subject>/inbox/<message>/read": ("customer",),
    "POST /v1/webhooks": ("admin",),
    "GET /v1/webhooks": ("admin",),
    "DELETE /v1/webhooks/<webhook>": ("admin",),
    "POST /v1/webhooks/<webhook>/rotate": ("admin",),
}
PUBLIC = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/<name>",
    "/u/<token>",
    "/withdraw/<link>",
    "/order/<order_link>",
)
ABOUT_NOBODY = {
    "GET /v1/purposes",
    "GET /v1/notices/<purpose>/<version>",
    "GET /v1/ledger/checkpoint",
    "GET /v1/ledger/consistency",
}
# The last of them make others impossible: a merged subject is gone, a cancelled job has no results.
LAST = ("DELETE", "POST /v1/subjects/<subject>/merge")


def test_the_table_names_every_route_and_no_other(there: Installation) -> None:
    guarded = {rule for rule in rules_of(there) if rule.partition(" ")[2] not in PUBLIC}
    assert guarded == set(TABLE)


@pytest.fixture(scope="module")
def bad_tokens(there: Installation) -> dict[str, str | None]:
    """Authorization headers of a DPO who is everything else as well, each with one fault."""
    token, config = there.token, there.services.config
    key = load_issuer_key(config.issuer_key_file)
    good = token.text(*ROLES)
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    public = json.dumps(key.as_dict(private=False)).encode()

    def encoded(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    def signed(header: dict[str, Any], by: Any = key, **changes: Any) -> str:
        return jwt.encode(header, claims | changes, by, algorithms=[header["alg"]])

    usual = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.kid}
    tokens = {
        "garbage": "garbage",
        "three parts of garbage": "a.b.c",
        "expired": token.text(*ROLES, at=there.clock.now - timedelta(hours=2)),
        "not yet valid": signed(usual, nbf=int(there.clock.now.timestamp()) + 3600),
        "issued in the future": token.text(*ROLES, at=there.clock.now + timedelta(hours=2)),
        "wrong audience": token.text(*ROLES, audience="somebody-else"),
        "wrong issuer": token.text(*ROLES, issuer="https://evil.example"),
        "no expiry": signed(usual, exp=None),
        "another key under the trusted id": signed(usual, OKPKey.generate_key("Ed25519")),
        "another key under its own id": signed(usual | {"kid": "mine"}, OKPKey.generate_key("Ed25519")),
        "wrong signature": f"{head}.{body}.{signature[:-4]}AAAA",
        "claims changed after signing": f"{head}.{encoded(claims | {'sub': 'boss'})}.{signature}",
        "alg none": f"{encoded({'alg': 'none', 'typ': TOKEN_TYPE})}.{body}.",
        "alg none with the signature": f"{encoded(usual | {'alg': 'none'})}.{body}.{signature}",
        "HS256 with the public key": signed(usual | {"alg": "HS256"}, OctKey.import_key(public)),
        "no typ": signed({name: usual[name] for name in ("alg", "kid")}),
        "an id token": signed(usual | {"typ": "JWT"}),
        "an unknown critical extension": _critical(usual, claims, key),
        "customer without a subject": signed(usual, subject=None),
        "customer with another's kind of id": signed(usual, subject="req_aaaaaaaaaaaaaaaaaaaaaaaaaa"),
        "no sub": signed(usual, sub=None),
        "roles as text": signed(usual, roles="dpo"),
    }
    headers: dict[str, str | None] = {name: f"Bearer {text}" for name, text in tokens.items()}
    return headers | {"nothing": None, "basic": "Basic ZHBvOmRwbw==", "without a token": "Bearer "}


def _critical(header: dict[str, Any], claims: dict[str, Any], key: OKPKey) -> str:
    parts = [header | {"crit": ["exp-policy"], "exp-policy": 1}, claims]
    signing = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    signature = key.get_op_key("sign").sign(signing.encode())
    return f"{signing}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@pytest.mark.parametrize("rule", TABLE)
def test_a_bad_token_is_a_401_and_changes_nothing(
    world: World, bad_tokens: dict[str, str | None], rule: str
) -> None:
    before = world.there.digest()
    for name, header in bad_tokens.items():
        sent = {} if header is None else {"Authorization": header}
        answer = world.call(rule, sent)
        assert answer.status_code == 401, name
        problem_of(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert world.there.digest() == before


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_route_does_not_look_at_tokens(
    world: World, bad_tokens: dict[str, str | None], path: str
) -> None:
    for header in bad_tokens.values():
        sent = {} if header is None else {"Authorization": header}
        assert world.call(f"GET {path}", sent).status_code == 200


@pytest.mark.parametrize("rule", TABLE)
def test_a_role_outside_the_table_is_a_403_and_changes_nothing(world: World, rule: str) -> None:
    before = world.there.digest()
    outside = [role for role in ROLES if role not in TABLE[rule]]
    for role in outside:
        answer = world.call(rule, world.headers(role))
        problem_of(answer, 403, "forbidden")
    # A token whose roles are of another system has none here.
    problem_of(world.call(rule, world.there.token()), 403, "forbidden")
    problem_of(world.call(rule, world.there.token("root", "Customer", "dpo ")), 403, "forbidden")
    # All the roles that are kept out, together, open nothing either.
    if outside:
        problem_of(world.call(rule, world.there.token(*outside, subject=world.subject)), 403, "forbidden")
    assert world.there.digest() == before


@pytest.mark.parametrize(
    "rule", [rule for rule in TABLE if "customer" in TABLE[rule] and rule not in ABOUT_NOBODY]
)
def test_to_a_customer_everybody_else_does_not_exist(world: World, rule: str) -> None:
    """Also when the same token has other roles: where customers are let in, it acts as the customer."""
    before = world.there.digest()
    staff = [role for role in ROLES if role != "customer"]
    for more in ([], *([role] for role in staff), staff):
        stranger = world.there.token("customer", *more, subject=world.other)
        answer = world.call(rule, stranger)
        problem = problem_of(answer, 404, "not-found")
        assert "detail" not in problem, more
    assert world.there.digest() == before


def test_a_customer_registers_no_request_by_anothers_identifier(world: World) -> None:
    body = {"identifier": {"type": "phone", "value": "+46701234567"}, "type": "erasure"}
    stranger = world.there.token("customer", subject=world.other)
    problem_of(world.client.post("/v1/requests", json=body, headers=stranger), 404, "not-found")
    nobody = body | {"identifier": {"type": "phone", "value": "+46700000000"}}
    problem_of(world.client.post("/v1/requests", json=nobody, headers=stranger), 404, "not-found")


@pytest.mark.parametrize("rule", [rule for rule in TABLE if "<job>" in rule])
def test_a_job_exists_for_its_creator_and_the_dpo_alone(world: World, rule: str) -> None:
    for role in ("shop", "marketing"):
        stranger = world.there.token(role, sub="another")
        problem_of(world.call(rule, stranger), 404, "not-found")
    if not rule.startswith("DELETE"):
        assert world.call(rule, world.headers("dpo")).status_code in {200, 409}


@pytest.mark.parametrize("rule", sorted(TABLE, key=lambda rule: rule.startswith(LAST)))
def test_a_role_in_the_table_is_let_in(there: Installation, world: World, rule: str) -> None:
    """With a valid request, so that what comes is neither 401 nor 403 nor a fault of the request."""
    for role in TABLE[rule]:
        answer = world.call(rule, world.headers(role))
        if rule == "POST /v1/subjects/<subject>/consents" and role != "customer":
            # The status, not the route, is the customer's: a shop may record `requested`, a DPO `revoked`.
            body = CALLS[rule].body_in(world) | {"status": {"shop": "requested", "dpo": "revoked"}[role]}
            answer = world.call(rule, world.headers(role), data=json.dumps(body))
        assert answer.status_code not in {401, 403}, role
        assert answer.status_code < 500, answer.get_data(as_text=True)
        assert answer.status_code not in {400, 415, 422, 428}, answer.get_data(as_text=True)
