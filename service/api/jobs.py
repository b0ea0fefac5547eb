"""Bulk jobs over HTTP: how far one has come, its results as a stream, and its end before time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from flask import Response

from schemas.jobs import JobShape, ResultShape
from service import ids
from service.actor import Actor, show_subject
from service.api.auth import allow
from service.api.candidates import NDJSON
from service.api.context import actor, route, services
from service.api.openapi import Routes, json_response, wants
from service.api.problems import NotAcceptableError
from service.instants import show_instant
from service.policy import decision_stage
from service.use_cases.cancel_job import cancel_job
from service.use_cases.read_job import Progress, read_progress
from service.use_cases.read_results import Result, open_results
from service.use_cases.special import shown_count

routes = Routes("jobs", "Bulk jobs: many people, many candidates, filtered by workers")

CSV = "text/csv"
_COLUMNS = ("subject", "candidate", "decision", "outcome", "strategy", "channel", "not_before", "permit")
# A spreadsheet runs a cell that begins with one of these (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LINES_PER_BLOCK = 200


@routes.get("/jobs/<job>")
@routes.answer(200, JobShape)
@allow("marketing", "shop", "dpo")
def read_one(job: str) -> Response:
    """How far a job has come"""
    progress = read_progress(services(), actor(), ids.read(ids.JOB, job))
    return json_response(_show(progress))


@routes.delete("/jobs/<job>")
@routes.answer(204, description="No further chunk will be answered")
@allow("marketing", "shop", "dpo")
def cancel(job: str) -> Response:
    """Cancel a job: what is queued is dropped, what has been answered stays"""
    cancel_job(services(), actor(), ids.read(ids.JOB, job))
    return Response(status=204)


@routes.get("/jobs/<job>/results")
@routes.answer(
    200, ResultShape, description="One line per pair: NDJSON, or CSV by Accept; 409 until it has ended"
)
@allow("marketing", "shop", "dpo")
def read_results(job: str) -> Response:
    """Everything answered, as a stream. Pairs of persons erased since are not in it"""
    media_type = wants(NDJSON, CSV)
    if media_type is None:
        raise NotAcceptableError(f"{NDJSON} and {CSV} can be had")
    reader = actor()
    results = open_results(services(), reader, ids.read(ids.JOB, job), route())
    lines = _ndjson(results, reader) if media_type == NDJSON else _csv(results, reader)
    return Response(_in_blocks(lines), content_type=f"{media_type}; charset=utf-8")


def _show(progress: Progress) -> dict[str, Any]:
    job = progress.job
    return {
        "id": ids.show(ids.JOB, job.id),
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "left_out": shown_count(job.left_out),
        "eta": None if progress.eta is None else show_instant(progress.eta),
        "created_at": show_instant(job.created_at),
        "finished_at": None if job.finished_at is None else show_instant(job.finished_at),
    }


def _show_result(result: Result, reader: Actor) -> dict[str, Any]:
    line: dict[str, Any] = {
        "subject": show_subject(result.subject),
        "candidate": result.candidate.id,
        "decision": result.id,
    }
    decision = result.decision
    if decision is None:
        line |= {"outcome": "refused", "strategy": None, "channel": None, "not_before": None, "reasons": []}
    else:
        line |= decision.to_dict()
    line["permit"] = result.permit
    if reader.has("marketing"):
        del line["reasons"]
        line["stage"] = "identity" if decision is None else decision_stage(decision)
    return line


def _ndjson(results: Iterable[Result], reader: Actor) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for result in results:
        yield encode(_show_result(result, reader)) + b"\n"


def _csv(results: Iterable[Result], reader: Actor) -> Iterator[bytes]:
    """Reasons become one cell of their codes."""
    last = "stage" if reader.has("marketing") else "reasons"
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow((*_COLUMNS, last))
    for result in results:
        line = _show_result(result, reader)
        if last == "reasons":
            line["reasons"] = " ".join(_code(reason) for reason in line["reasons"])
        writer.writerow([_cell(line[name]) for name in (*_COLUMNS, last)])
        yield _taken(buffer)
    yield _taken(buffer)


def _code(reason: dict[str, Any]) -> str:
    return ":".join(part for part in (reason["strategy"], reason["code"], reason["on"]) if part)


def _cell(value: str | None) -> str:
    text = value or ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return text


def _in_blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Some lines at a time: every block costs the server a switch."""
    block: list[bytes] = []
    for line in lines:
        block.append(line)
        if len(block) == _LINES_PER_BLOCK:
            yield b"".join(block)
            block.clear()
    yield b"".join(block)
