from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.helpers import Tokens, pointers, problem_of

COUGH = {
    "name": "Cough syrup 200 ml",
    "category": "health.otc.cough",
    "pack_size": 200,
    "usual_per_day": 30,
    "price_minor": 8900,
    "currency": "SEK",
}


def put(client: FlaskClient, token: Tokens, sku: str, body: Any) -> Any:
    return client.put(f"/v1/products/{sku}", json=body, headers=token("shop"))


def test_a_product_is_read_as_it_was_put(client: FlaskClient, token: Tokens) -> None:
    answer = put(client, token, "cough-200", COUGH)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    read = client.get("/v1/products/cough-200", headers=token("shop")).get_json()
    assert read == answer.get_json()
    assert read == COUGH | {
        "sku": "cough-200",
        "usual_per_day": 30.0,
        "stock": None,
        "prescription": False,
        "as_needed": False,
        "limit_per_order": None,
        "limit_per_month": None,
        "withdrawal": "full",
    }


def test_putting_again_replaces_everything(client: FlaskClient, token: Tokens) -> None:
    put(client, token, "cough-200", COUGH | {"stock": 12, "limit_per_order": 2})
    put(client, token, "cough-200", COUGH | {"price_minor": 9900})
    read = client.get("/v1/products/cough-200", headers=token("shop")).get_json()
    assert (read["price_minor"], read["stock"], read["limit_per_order"]) == (9900, None, None)


@pytest.mark.parametrize("category", ["garden", "*", "healthy", ".health", ""])
def test_a_category_that_the_policy_does_not_know_is_refused(
    client: FlaskClient, token: Tokens, category: str
) -> None:
    problem = problem_of(put(client, token, "x", COUGH | {"category": category}), 422, "invalid-input")
    assert pointers(problem) == {"/category"}
    assert client.get("/v1/products/x", headers=token("shop")).status_code == 404


def test_every_fault_is_named(client: FlaskClient, token: Tokens) -> None:
    body = {
        "name": "",
        "pack_size": 0,
        "usual_per_day": "much",
        "price_minor": -1,
        "currency": "kr",
        "prescription": 1,
        "stock": 2**63,
        "colour": "red",
    }
    problem = problem_of(put(client, token, "x", body), 422, "invalid-input")
    assert pointers(problem) == {f"/{name}" for name in (*body, "category")}


@pytest.mark.parametrize("sku", ["a b", "x" * 65, "%00", "%0a", "..", "%E2%80%A8" * 65])
def test_what_cannot_be_a_sku_names_no_product(client: FlaskClient, token: Tokens, sku: str) -> None:
    problem_of(client.get(f"/v1/products/{sku}", headers=token("shop")), 404, "not-found")
    problem_of(put(client, token, sku, COUGH), 404, "not-found")


def test_a_sku_may_hold_other_scripts(client: FlaskClient, token: Tokens) -> None:
    assert put(client, token, "yskänlääke-200", COUGH).status_code == 200
    read = client.get("/v1/products/yskänlääke-200", headers=token("shop"))
    assert read.get_json()["sku"] == "yskänlääke-200"


def test_pages_follow_each_other_without_gap_or_overlap(client: FlaskClient, token: Tokens) -> None:
    skus = [f"p{n:02}" for n in range(7)]
    for sku in reversed(skus):
        put(client, token, sku, COUGH)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    for _ in range(4):
        page = client.get("/v1/products", query_string=query, headers=token("shop")).get_json()
        seen += [item["sku"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == skus


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=501", "/limit"),
        ("limit=ten", "/limit"),
        ("limit=1e2", "/limit"),
        ("limit=", "/limit"),
        ("limit=2&limit=3", "/limit"),
        ("cursor=abc", "/cursor"),
        ("cursor=%C3%A5", "/cursor"),
        ("cursor=a", "/cursor"),
        ("colour=red", "/colour"),
    ],
)
def test_a_query_is_checked_like_a_body(client: FlaskClient, token: Tokens, query: str, pointer: str) -> None:
    problem = problem_of(client.get(f"/v1/products?{query}", headers=token("shop")), 422, "invalid-input")
    assert pointers(problem) == {pointer}
