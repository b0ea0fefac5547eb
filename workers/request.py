"""What a worker holds of one message, until its work is committed and the broker has been told."""

from __future__ import annotations

import os

from celery import Task
from celery.worker import state
from celery.worker.request import Request
from kombu.asynchronous import get_event_loop

from service.logging import get_logger

_TOLD_WITHIN = 1.0


class AcknowledgedRequest(Request):
    """Celery logs an acknowledgement that the broker could not take, and goes on counting the message as
    being worked on. A worker takes no more messages than it has hands, so with one hand it would wait for
    ever, and look well. It ends instead: whoever watches it starts another, and the broker gives the message
    to that one, which finds the work done."""

    def acknowledge(self) -> None:
        super().acknowledge()
        loop = get_event_loop()
        if loop is not None:
            # Celery leaves the telling to its event loop, which is what calls this too.
            loop.call_later(_TOLD_WITHIN, self._require_acknowledged)

    def _require_acknowledged(self) -> None:
        if not self.message.acknowledged:
            get_logger().warning("an acknowledgement was lost, the worker starts anew")
            state.should_stop = os.EX_TEMPFAIL  # type: ignore[assignment]


class AcknowledgedTask(Task):  # type: ignore[type-arg]
    """A task whose messages are held so."""

    Request = AcknowledgedRequest  # type: ignore[assignment]
