"""The ledger's sealer: what was written is given its place in the tree."""

from __future__ import annotations

from service.errors import LedgerError
from service.logging import get_logger
from service.tasks import SEAL_LEDGER
from service.use_cases.seal_ledger import seal_ledger
from workers.celery_app import celery
from workers.process import services


@celery.task(name=SEAL_LEDGER)
def seal() -> None:
    """Two at once: the second finds the first at it and leaves. A ledger that contradicts itself is left as
    it is, for a person to look at; entries wait meanwhile, and nothing of them is lost."""
    try:
        seal_ledger(services())
    except LedgerError as error:
        get_logger().error("the ledger is not sealed", detail=str(error))
