"""Reviews: a pharmacist looks at every order of a medicine before it leaves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from schemas.reviews import NewReviewShape, ReviewedShape, ReviewsShape
from service import ids
from service.api.auth import allow
from service.api.context import route, unit
from service.api.openapi import Routes
from service.api.paging import PageQuery, read_page, show_page
from service.use_cases.list_reviews import list_reviews
from service.use_cases.review_reorder import ReviewReorder, review_reorder

routes = Routes("reviews", "Orders of medicines that wait for a pharmacist")

_FIRST = UUID(int=0)


@routes.get("/reviews")
@routes.query(PageQuery)
@routes.answer(200, ReviewsShape)
@allow("pharmacist")
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """What waits, the oldest first. That you read it is kept in the access log of each person."""
    page = read_page(query)
    with unit() as u:
        found, last = list_reviews(u, _FIRST if page.after is None else UUID(page.after), page.limit, route())
    return show_page(found, page, None if last is None else str(last))


@routes.post("/reorders/<reorder>/review")
@routes.body(NewReviewShape)
@routes.answer(200, ReviewedShape)
@allow("pharmacist")
def review(body: dict[str, Any], reorder: str) -> dict[str, Any]:
    """Approve or reject this order, for this product and quantity. An approved one that waited for it goes
    on at once; a rejected one is cancelled."""
    with unit() as u:
        reviewed = review_reorder(u, ids.read(ids.REORDER, reorder), ReviewReorder(**body))
    return {"reorder": ids.show(ids.REORDER, reviewed.reorder), "outcome": reviewed.state}
