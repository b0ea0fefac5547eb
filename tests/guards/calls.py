"""One valid request for every route, and a small world in which it is valid. A new route needs a line here:
the tests of roles, bad input, logs and the fuzzing all start from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import TestResponse

from service import ids
from service.actor import show_subject, system_actor
from service.crypto.reorder_link import ANSWER, WITHDRAW, seal_link
from service.crypto.unsubscribe_token import seal_token
from service.senders import Parcel
from service.senders.inbox import InboxSender
from service.storage.decisions import read_decision_id
from service.storage.ledger import find_leaf
from service.storage.reviews import ReviewContent, insert_review
from service.storage.subjects import lock_subject
from service.use_cases.seal_ledger import seal_ledger
from tests.api.helpers import ANYBODY, Installation
from tests.api.people import add_person, add_products, candidate
from tests.use_cases.outbox import add_product, propose

MANDATE = "man_abcdefgh"
LIMITS = {"covers": "beauty", "currency": "SEK", "max_price_minor": 50_000}
MANDATE_BODY = {
    **LIMITS,
    "accepted": {"text": "Beställning förenad med betalningsskyldighet", "locale": "sv"},
}
NOBODY = show_subject(ANYBODY)


class World:
    """A person with everything that a route may ask for, and another one."""

    def __init__(self, there: Installation) -> None:
        self.there = there
        self.client = there.client
        services = there.services
        add_products(services)
        # What the proposed reorders are for.
        add_product(services)
        self.subject = show_subject(add_person(services).id)
        self.other = show_subject(add_person(services).id)
        self.double = show_subject(add_person(services).id)
        shop, own = there.token("shop"), self.own()
        about = f"/v1/subjects/{self.subject}"
        phone = {"type": "phone", "value": "+46701234567"}
        self.parameters = {
            "token": seal_token(services.index, ids.read(ids.SUBJECT, self.other), "email"),
            "subject": self.subject,
            "about": "direct_marketing",
            "purpose": "personal_offers",
            "version": "2",
            "sku": "cream",
            "mandate": MANDATE,
            "reorder": self.propose_reorder(),
            "name": "start.js",
            "identifier": self._made("POST", f"{about}/identifiers", phone, shop)["id"],
            "event": self._made("POST", f"{about}/consents", _consent(self) | {"status": "given"}, own)["id"],
            "request_id": self.file_request(),
            "job": self.submit_job(),
            "decision": self._made("POST", "/v1/decisions", CALLS["POST /v1/decisions"].body_in(self), own)[
                "decisions"
            ][0]["id"],
        }
        reorder = ids.read(ids.REORDER, self.parameters["reorder"])
        self.parameters["link"] = seal_link(services.index, WITHDRAW, reorder)
        self.parameters["order_link"] = seal_link(services.index, ANSWER, reorder)
        self.parameters["offer"] = "three-for-two"
        self._made("PUT", "/v1/offers/three-for-two", _offer(self), there.token("marketing"))
        found = self._made("POST", "/v1/offers/permitted", _ask_offers(self), there.token("marketing"))
        self.permit = found["permitted"][0]["permit"]
        held = CALLS["POST /v1/subjects/<subject>/holds"].body_in(self)
        self.parameters["hold"] = self._made("POST", f"{about}/holds", held, there.token("dpo"))["id"]
        self._made("PUT", f"{about}/mandates/{MANDATE}", MANDATE_BODY, own)
        hook = {"name": "Till", "url": "https://till.example.com/", "types": ["reorder.dispatched"]}
        self.parameters["webhook"] = self._made("POST", "/v1/webhooks", hook, there.token("admin"))["id"]
        self.parameters["message"] = self._message()
        seal_ledger(services)
        self.parameters["position"] = self._position()

    def own(self, *more: str) -> dict[str, str]:
        """The headers of the person's own token."""
        return self.there.token("customer", *more, subject=self.subject)

    def headers(self, role: str, **changes: Any) -> dict[str, str]:
        """The headers of a token of one role; a customer's is the person's own."""
        if role == "customer":
            changes = {"subject": self.subject} | changes
        return self.there.token(role, **changes)

    def file_request(self, kind: str = "access", role: str = "customer") -> str:
        body = {"subject": self.subject, "type": kind}
        return str(self._made("POST", "/v1/requests", body, self.headers(role))["id"])

    def propose_reorder(self) -> str:
        """Of which a pharmacist is asked, too."""
        services, person = self.there.services, ids.read(ids.SUBJECT, self.subject)
        reorder = propose(services, person, at=services.now)
        case = ReviewContent("soap", "Soap", 1, "automate", services.now)
        with services.unit(system_actor("test")) as unit:
            insert_review(unit, lock_subject(unit, person), reorder, case)
        return ids.show(ids.REORDER, reorder)

    def approve_reorder(self) -> str:
        """One that there is a contract about."""
        name = self.propose_reorder()
        self._made("POST", f"/v1/reorders/{name}/approve", None, self.own())
        return name

    def submit_job(self) -> str:
        body = CALLS["POST /v1/candidates"].body_in(self)
        return str(self._made("POST", "/v1/candidates", body, self.there.token("shop"))["job"])

    def epoch(self) -> int:
        answer = self.client.get(f"/v1/subjects/{self.subject}", headers=self.own())
        return int(answer.get_json()["epoch"])

    def path_value(self, rule: str, name: str) -> str:
        """What a parameter of a route is filled in with."""
        return (self.parameters | CALLS[rule].parameters_in(self))[name]

    def _message(self) -> str:
        """The one message in the person's inbox."""
        content = {"text": {"subject": "Hello", "body": "Something for you."}}
        InboxSender(self.there.services).send(
            Parcel("m-1", "offer", "inbox", "", self.subject, "sv", content)
        )
        [message] = self._made("GET", f"/v1/subjects/{self.subject}/inbox", None, self.own())["items"]
        return str(message["id"])

    def _position(self) -> str:
        """The place of the person's decision in the ledger."""
        row, _ = read_decision_id(self.parameters["decision"])
        with self.there.services.database.connection() as db:
            leaf = find_leaf(db, row)
        assert leaf is not None
        return str(leaf.position)

    def path(self, rule: str, **instead: str) -> str:
        """The path of `GET /v1/…/<name>`, its parameters filled in, with the query that it needs."""
        path = rule.partition(" ")[2]
        for name, value in (self.parameters | CALLS[rule].parameters_in(self) | instead).items():
            path = path.replace(f"<{name}>", value)
        assert "<" not in path, f"{rule}: World.parameters lacks one"
        return path + CALLS[rule].query

    def call(self, rule: str, headers: dict[str, str], **changes: Any) -> TestResponse:
        """The valid request of a route, with `changes` to what the client sends."""
        call = CALLS[rule]
        sent: dict[str, Any] = {"headers": headers | call.headers_in(self)}
        body = call.body_in(self)
        if body is not None:
            sent |= {"data": json.dumps(body), "content_type": "application/json"}
        path = changes.pop("path", None) or self.path(rule)
        return self.client.open(path, method=rule.partition(" ")[0], **(sent | changes))

    def _made(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        answer = self.client.open(path, method=method, json=body, headers=headers)
        assert answer.status_code < 300, answer.get_data(as_text=True)
        return answer.get_json()


def _nothing(_world: World) -> Any:
    return None


def _no_headers(_world: World) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Call:
    """What a valid request of a route needs beside the world's parameters."""

    body_in: Callable[[World], Any] = _nothing
    headers_in: Callable[[World], dict[str, str]] = _no_headers
    parameters_in: Callable[[World], dict[str, str]] = field(default=_no_headers)
    query: str = ""


def _evaluation(world: World) -> dict[str, Any]:
    asked = candidate()
    return {
        "subject": {"type": "subject", "id": world.subject},
        "action": {"name": asked.pop("strategy")},
        "resource": {"type": "candidate", "id": asked.pop("id"), "properties": asked},
        "context": {"till": 7},
    }


def _signals(world: World) -> list[dict[str, Any]]:
    data = {"sku": "cream", "quantity": 1, "price_minor": 9900, "currency": "SEK"}
    signal = {"type": "purchase", "at": "2026-11-20T10:00:00Z", "data": data, "id": "s-1"}
    return [{"subject": world.subject} | signal]


def _registration(_world: World) -> dict[str, Any]:
    return {
        "identifiers": [{"type": "email", "value": "aino@example.fi"}],
        "locale": "fi",
        "country": "FI",
        "timezone": "Europe/Helsinki",
        "birth_date": "1980-02-29",
    }


def _consent(_world: World) -> dict[str, Any]:
    return {
        "purpose": "personal_offers",
        "status": "withdrawn",
        "explicit": False,
        "notice": {"version": 2, "locale": "sv"},
        "origin": "app",
        "at": "2026-11-22T09:00:00Z",
        "evidence": "a click",
    }


def _preferences(_world: World) -> dict[str, Any]:
    return {
        "locale": "sv",
        "timezone": "Europe/Stockholm",
        "sharing": {"purchases": True},
        "levels": {"beauty": "coach"},
        "channels": {"app": True},
        "quiet": {"from": "20:00", "to": "08:00"},
        "max_per_week": 3,
        "paused_until": "2026-12-24T00:00:00Z",
    }


def _preview(_world: World) -> dict[str, Any]:
    changes = {
        "consents": [{"purpose": "personal_offers", "status": "withdrawn", "explicit": False}],
        "preferences": {"levels": {"beauty": "automate"}, "max_per_week": 3},
        "mandates": {MANDATE: {**LIMITS, "max_quantity": 2}},
    }
    return {"changes": changes, "locale": "sv"}


def _product(_world: World) -> dict[str, Any]:
    return {
        "name": "Cream",
        "category": "beauty.skin",
        "pack_size": 50,
        "usual_per_day": 1.5,
        "price_minor": 9900,
        "currency": "SEK",
        "stock": 10,
        "prescription": False,
        "as_needed": False,
        "limit_per_order": 3,
        "limit_per_month": 5,
        "withdrawal": "sealed_only",
    }


def _offer(_world: World) -> dict[str, Any]:
    return {
        "programme": "marketing",
        "strategy": "curate",
        "category": "beauty.skin",
        "sku": "cream",
        "data": ["purchases"],
        "value": 4900,
        "valid_until": "2027-01-01T00:00:00Z",
        "texts": {"sv": "Tre f\u00f6r tv\u00e5"},
        "sponsored": False,
    }


def _ask_offers(world: World) -> dict[str, Any]:
    return {
        "subject": world.subject,
        "programme": "marketing",
        "channels": ["app"],
        "candidates": [candidate(strategy="curate", programme="marketing")],
        "context": {"page": "start"},
        "limit": 10,
        "min_epoch": 1,
    }


def _webhook(_world: World) -> dict[str, Any]:
    return {
        "name": "Parcels",
        "url": "https://hooks.example.com/samtycke",
        "types": ["reorder.dispatched"],
        "route": "order",
        "purpose": "order_fulfilment",
        "recipient": "Norrbud AB",
    }


def _reason(_world: World) -> dict[str, str]:
    return {"reason": "passport seen"}


CALLS: dict[str, Call] = {
    "GET /healthz": Call(),
    "GET /readyz": Call(),
    "GET /metrics": Call(),
    "GET /openapi.json": Call(),
    "GET /docs": Call(),
    "GET /docs/<name>": Call(),
    "GET /v1/products": Call(),
    "GET /v1/products/<sku>": Call(),
    "PUT /v1/products/<sku>": Call(_product),
    "GET /v1/purposes": Call(),
    "GET /v1/notices/<purpose>/<version>": Call(),
    "POST /v1/subjects": Call(_registration),
    "GET /v1/subjects/<subject>": Call(),
    "POST /v1/subjects/lookup": Call(lambda _: {"type": "phone", "value": "+46701234567"}),
    "POST /v1/subjects/<subject>/identifiers": Call(lambda _: {"type": "customer_number", "value": "7"}),
    "DELETE /v1/subjects/<subject>/identifiers/<identifier>": Call(),
    "POST /v1/subjects/<subject>/merge": Call(
        lambda world: {"into": world.other}, parameters_in=lambda world: {"subject": world.double}
    ),
    "POST /v1/subjects/<subject>/consents": Call(_consent),
    "GET /v1/subjects/<subject>/consents": Call(),
    "GET /v1/subjects/<subject>/consents/history": Call(),
    "GET /v1/receipts/<event>": Call(),
    "PUT /v1/subjects/<subject>/objections/<about>": Call(),
    "DELETE /v1/subjects/<subject>/objections/<about>": Call(),
    "GET /v1/subjects/<subject>/preferences": Call(),
    "PATCH /v1/subjects/<subject>/preferences": Call(
        _preferences, lambda world: {"If-Match": f'"{world.epoch()}"'}
    ),
    "POST /v1/subjects/<subject>/preview": Call(_preview),
    "GET /v1/subjects/<subject>/mandates": Call(),
    "GET /v1/subjects/<subject>/mandates/<mandate>": Call(),
    "POST /v1/subjects/<subject>/mandates/terms": Call(lambda _: {**LIMITS, "locale": "sv"}),
    "GET /v1/subjects/<subject>/mandates/<mandate>/history": Call(),
    "PUT /v1/subjects/<subject>/mandates/<mandate>": Call(lambda _: MANDATE_BODY),
    "DELETE /v1/subjects/<subject>/mandates/<mandate>": Call(),
    "POST /v1/subjects/<subject>/mandates/<mandate>/suspend": Call(),
    "POST /v1/subjects/<subject>/mandates/<mandate>/resume": Call(),
    "POST /v1/signals": Call(_signals),
    "POST /v1/decisions": Call(lambda world: {"subject": world.subject, "candidates": [candidate()]}),
    "GET /v1/decisions/<decision>": Call(),
    "POST /v1/candidates": Call(
        lambda world: {"candidates": [{"subject": world.subject, "candidate": candidate()}]}
    ),
    "GET /v1/offers": Call(),
    "GET /v1/offers/<offer>": Call(),
    "PUT /v1/offers/<offer>": Call(_offer),
    "POST /v1/offers/permitted": Call(_ask_offers),
    "POST /v1/permits/redeem": Call(lambda world: {"permits": [world.permit, "prm_unknown"]}),
    "GET /v1/jobs/<job>": Call(),
    "DELETE /v1/jobs/<job>": Call(),
    "GET /v1/jobs/<job>/results": Call(),
    "POST /access/v1/evaluation": Call(_evaluation),
    "POST /access/v1/evaluations": Call(
        lambda world: _evaluation(world) | {"evaluations": [{"context": {}}], "options": {}}
    ),
    "GET /v1/subjects/<subject>/reorders": Call(),
    "POST /v1/subjects/<subject>/reorders": Call(
        lambda _: {"sku": "shampoo", "quantity": 2, "price_minor": 4900}
    ),
    "POST /v1/reorders/<reorder>/approve": Call(),
    "POST /v1/reorders/<reorder>/snooze": Call(lambda _: {"days": 3}),
    "POST /v1/reorders/<reorder>/change": Call(lambda _: {"quantity": 2}),
    "POST /v1/reorders/<reorder>/have-plenty": Call(lambda _: {"units_left": 12.5}),
    "POST /v1/reorders/<reorder>/skip": Call(),
    "POST /v1/reorders/<reorder>/cancel": Call(),
    "GET /v1/reviews": Call(),
    "POST /v1/reorders/<reorder>/review": Call(lambda _: {"outcome": "approved", "note": "Fits."}),
    "POST /v1/reorders/<reorder>/withdraw": Call(
        lambda _: {"name": "Aino Virtanen", "contact": "aino@example.fi"}
    ),
    "POST /v1/requests": Call(lambda world: {"subject": world.subject, "type": "access"}),
    "GET /v1/requests": Call(),
    "GET /v1/requests/<request_id>": Call(),
    "GET /v1/requests/<request_id>/report": Call(),
    "POST /v1/requests/<request_id>/verify": Call(_reason),
    "POST /v1/requests/<request_id>/extend": Call(_reason),
    "POST /v1/requests/<request_id>/refuse": Call(_reason),
    "POST /v1/requests/<request_id>/fulfil": Call(_reason),
    "GET /v1/ledger/checkpoint": Call(),
    "GET /v1/ledger/entries/<position>/proof": Call(),
    "GET /v1/ledger/consistency": Call(query="?from=0&to=1"),
}


CALLS |= {
    "POST /v1/subjects/<subject>/holds": Call(
        lambda _: {"code": "legal_claims", "until": "2027-11-22T09:00:00Z"}
    ),
    "GET /v1/subjects/<subject>/holds": Call(),
    "DELETE /v1/subjects/<subject>/holds/<hold>": Call(),
}


CALLS |= {
    "GET /u/<token>": Call(),
    "POST /u/<token>": Call(),
    "GET /withdraw/<link>": Call(),
    "POST /withdraw/<link>": Call(),
    "GET /order/<order_link>": Call(),
    "POST /order/<order_link>": Call(),
    "POST /v1/webhooks": Call(_webhook),
    "GET /v1/webhooks": Call(),
    "GET /v1/subjects/<subject>/inbox": Call(),
    "POST /v1/subjects/<subject>/inbox/<message>/read": Call(),
    "GET /v1/recipients/notices": Call(query="?state=pending"),
    "GET /v1/pilots": Call(query="?programme=replenishment"),
    "DELETE /v1/webhooks/<webhook>": Call(),
    "POST /v1/webhooks/<webhook>/rotate": Call(),
}


def rules_of(there: Installation) -> list[str]:
    """Every route of the application as `METHOD /template`. HEAD is GET without its body."""
    return [
        f"{method} {rule.rule}"
        for rule in there.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD"})
    ]


def unknown(prefix: str) -> str:
    """A well-formed id that names nothing."""
    return ids.show(prefix, ANYBODY)
