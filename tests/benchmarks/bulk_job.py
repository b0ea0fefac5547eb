"""One bulk job over HTTP, answered by a real worker: what the shop would ask of every household."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from service.actor import show_subject
from service.api.app import create_app
from service.bootstrap import Services
from service.tokens import load_issuer_key, mint

ROOT = Path(__file__).parents[2]
NDJSON = "application/x-ndjson"
_PATIENCE = 600.0


def run_job(
    services: Services, subjects: Mapping[str, UUID], favourites: Mapping[str, Sequence[str]]
) -> None:
    """Ask to automate every household's `favourites`, its products bought most; print rates and outcomes."""
    client, headers = create_app(services).test_client(), _headers(services)
    lines = [
        json.dumps({"subject": show_subject(subjects[household]), "candidate": _candidate(sku)})
        for household, skus in favourites.items()
        for sku in skus
    ]
    with _worker(services):
        # A job of one pair first: the rate below is that of a worker which has started.
        _job(client, headers, lines[:1])
        started = time.perf_counter()
        job = _job(client, headers, lines)
        seconds = time.perf_counter() - started
    results = client.get(f"/v1/jobs/{job}/results", headers=headers).get_data(as_text=True).splitlines()
    print(f"job: {len(lines):,} pairs in {seconds:.1f} s, {len(lines) / seconds:,.0f} pairs/s")
    outcomes: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for result in map(json.loads, results):
        outcomes[f"{result['outcome']} {result['strategy'] or ''}".strip()] += 1
        if result["reasons"]:
            first[result["reasons"][0]["code"]] += 1
    print("  outcomes:", dict(outcomes.most_common()))
    print("  first reasons:", dict(first.most_common()))
    assert len(results) == len(lines)


def _candidate(sku: str) -> dict[str, Any]:
    return {
        "id": f"reorder-{sku}",
        "programme": "replenishment",
        "strategy": "automate",
        "sku": sku,
        "channels": ["email", "app"],
        "data": ["purchases"],
        "quantity": 1,
    }


def _job(client: FlaskClient, headers: dict[str, str], lines: Sequence[str]) -> str:
    response = client.post("/v1/candidates", data="\n".join(lines), content_type=NDJSON, headers=headers)
    assert response.status_code == 202, response.get_data(as_text=True)
    job: str = response.get_json()["job"]
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        state = client.get(f"/v1/jobs/{job}", headers=headers).get_json()["state"]
        if state == "done":
            return job
        assert state in ("queued", "running"), state
        time.sleep(0.02)
    raise TimeoutError(job)


def _headers(services: Services) -> dict[str, str]:
    config = services.config
    token = mint(
        load_issuer_key(config.issuer_key_file),
        issuer=config.issuer,
        audience=config.audience,
        sub="shop-benchmark",
        roles=("shop",),
        now=services.clock(),
        scope="offers:special",
    )
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def _worker(services: Services) -> Iterator[None]:
    celery = (sys.executable, "-m", "celery", "--app", "workers.celery_app", "worker", "--concurrency")
    with (services.config.home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*celery, str(services.config.worker_concurrency), "--loglevel", "WARNING"],
            cwd=ROOT,
            env=os.environ | services.config.as_environ(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)
