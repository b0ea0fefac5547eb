"""Signals: what a shop or a customer tells us happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response

from schemas.signals import SignalResultsShape, SignalShape, read_signal_list
from service.api import idempotency
from service.api.auth import allow
from service.api.bodies import read_json
from service.api.context import unit
from service.api.idempotency import idempotent
from service.api.openapi import Routes
from service.use_cases.signal_gate import KEYLESS
from service.use_cases.store_signals import NewSignal, SignalResult, store_signals

routes = Routes("signals", "Signals, stored only as far as a person's choices permit")


@routes.post("/signals")
@routes.answer(200, SignalResultsShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body_doc(SignalShape(many=True))
@allow("customer", "shop")
def store() -> Response:
    """Store up to 1,000 signals. A malformed one refuses all; one that the gate refuses leaves no trace."""
    signals = [NewSignal(**signal) for signal in read_signal_list(read_json())]
    with unit() as u:

        def make() -> tuple[int, dict[str, Any], UUID | None]:
            results = store_signals(u, signals)
            return 200, {"results": _shown(signals, results)}, _only_subject(signals, results)

        return idempotent(u, make)


def _shown(signals: Sequence[NewSignal], results: Sequence[SignalResult]) -> list[dict[str, str]]:
    return [
        {"id": signal.id, "status": result.status} | ({"reason": result.reason} if result.reason else {})
        for signal, result in zip(signals, results, strict=True)
    ]


def _only_subject(signals: Sequence[NewSignal], results: Sequence[SignalResult]) -> UUID | None:
    """The one person that an answer is about, if there is a key of theirs to keep it under: then it goes when
    that person does."""
    subjects = {signal.subject for signal in signals}
    keyless = any(result.reason in KEYLESS for result in results)
    return None if keyless or len(subjects) != 1 else subjects.pop()
