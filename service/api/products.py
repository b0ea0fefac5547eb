"""Products: what the shop sells and what the forecast and the decisions need to know of it."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import ValidationError

from schemas.fields import Sku
from schemas.products import ListedProductShape, ProductShape, ProductsShape
from service.api.auth import allow
from service.api.context import unit
from service.api.openapi import Routes, json_response
from service.api.paging import PageQuery, read_page, show_page
from service.errors import NotFoundError
from service.storage.products import Product
from service.use_cases.put_product import put_product
from service.use_cases.read_products import list_products, read_product

routes = Routes("products", "The catalogue: categories, pack sizes, prices, stock and supply limits")

_sku = Sku()


@routes.get("/products")
@routes.query(PageQuery)
@routes.answer(200, ProductsShape)
@allow("shop")
def list_all(query: dict[str, Any]) -> Response:
    """The catalogue by sku"""
    page = read_page(query)
    with unit() as work:
        found = list_products(work, page.after or "", page.limit)
    return json_response(show_page(list(found), page, found[-1].sku if found else None))


@routes.get("/products/<sku>")
@routes.answer(200, ListedProductShape)
@allow("shop")
def read_one(sku: str) -> Response:
    """One product"""
    with unit() as work:
        product = read_product(work, _checked(sku))
    return json_response(product)


@routes.put("/products/<sku>")
@routes.body(ProductShape)
@routes.answer(200, ListedProductShape)
@allow("shop")
def put_one(body: dict[str, Any], sku: str) -> Response:
    """Add a product, or replace what stands under its sku"""
    product = Product(sku=_checked(sku), **body)
    with unit() as work:
        put_product(work, product)
    return json_response(product)


def _checked(sku: str) -> str:
    """What no product can be called, none is called: a fault of the path, not of the body."""
    try:
        return str(_sku.deserialize(sku))
    except ValidationError:
        raise NotFoundError("product") from None
