"""Prometheus metrics: how many requests, how long they took. Labels are route templates and statuses, so
nothing about a person can get into them.

Several web processes share a folder (`PROMETHEUS_MULTIPROC_DIR`), which whoever starts them empties; any
of them then answers for all. A dead process's counts stay, since what it counted did happen.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "samtycke_http_requests",
            "Answers by route and status",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "samtycke_http_request_seconds",
            "Time to answer by route",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        # Looking labels up costs more than counting, and there are only as many as routes and statuses.
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def count(self, route: str, status: int, seconds: float) -> None:
        try:
            requests, duration = self._known[route, status]
        except KeyError:
            requests = self._requests.labels(route, str(status))
            duration = self._seconds.labels(route)
            self._known[route, status] = requests, duration
        requests.inc()
        duration.observe(seconds)

    def show(self) -> Response:
        registry = self._registry
        if os.environ.get(FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client's gap
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def empty_folder(folder: Path) -> None:
    """Make `folder` ready for a new set of processes: counts of an earlier set would be added to theirs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
