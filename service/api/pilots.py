"""Pilots compared with the rest, so that a ladder grows with evidence."""

from __future__ import annotations

import csv
import io
from typing import Any

from flask import Response

from schemas.pilots import PilotQuery, PilotReportShape
from service.api.auth import allow
from service.api.context import unit
from service.api.openapi import Routes, json_response, wants
from service.api.problems import NotAcceptableError
from service.use_cases.pilot_report import pilot_report, show_report

routes = Routes("pilots", "Pilots: what came of them, compared with the rest")

_JSON, _CSV = "application/json", "text/csv"
_COLUMNS = (
    *("detector", "programme", "strategy", "category", "stage", "people"),
    *("metric", "count", "of", "rate", "low", "high", "mean"),
)


@routes.get("/pilots")
@routes.query(PilotQuery)
@routes.answer(200, PilotReportShape, description=f"By Accept: {_JSON}, or {_CSV} with a line for each rate")
@allow("dpo", "admin")
def read(query: dict[str, Any]) -> Response:
    """Every group with its people, rates and ratings. Groups under ten people are named and not described"""
    media_type = wants(_JSON, _CSV)
    if media_type is None:
        raise NotAcceptableError(f"the report comes as {_JSON} or {_CSV}")
    with unit() as work:
        shown = show_report(pilot_report(work, query.get("programme")))
    answer = json_response(shown) if media_type == _JSON else Response(_lines(shown), content_type=_CSV)
    answer.headers["Vary"] = "Accept, Authorization"
    return answer


def _lines(shown: dict[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for group in shown["groups"]:
        if group["people"] is None:
            writer.writerow(group)
            continue
        for metric in ("proposed", "shadows"):
            writer.writerow(group | {"metric": metric, "count": group[metric]})
        for metric, measured in (group["rates"] | group["ratings"]).items():
            writer.writerow(group | {"metric": metric} | measured)
    for group in shown["detectors"]:
        if group["people"] is None:
            writer.writerow(group)
            continue
        writer.writerow(group | {"metric": "events", "count": group["events"]})
        if group["hits"] is not None:
            writer.writerow(group | {"metric": "hits"} | group["hits"])
    return text.getvalue()
