"""A worker goes on after its broker was away at the very moment when it had something to acknowledge."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.embedded.instance import wait_until
from tests.faults.clients import Api
from tests.faults.history import Recorder
from tests.faults.installation import Installation, installation
from tests.faults.workload import Client, Town

LOST = "an acknowledgement was lost"
# Whether a task is at work just then is up to the machine.
TRIES = 6


def lose_an_acknowledgement(there: Installation) -> None:
    # Some task that beat asks for every second is begun, and cannot go on.
    there.database_wire.hold()
    time.sleep(3.0)
    assert there.broker is not None
    assert there.broker.pid is not None
    there.send(there.broker.pid, signal.SIGKILL)
    there.database_wire.mend()
    # Its work is done while nobody is there to be told.
    time.sleep(3.0)
    there.tend()
    there.await_ready()


def log_of(there: Installation) -> str:
    return (there.home / "logs" / "worker.log").read_text()


@pytest.mark.timeout(300)
def test_a_worker_takes_new_work_after_a_lost_acknowledgement(open_folder: Path) -> None:
    recorder, town = Recorder(open_folder / "history.jsonl"), Town()
    with installation(open_folder) as there:
        api = Api(there.config)
        client = Client("shop", Random(1), api, town, recorder)
        client.register()
        for _ in range(TRIES):
            lose_an_acknowledgement(there)
            if LOST in log_of(there):
                break
        client.ask_in_bulk("")
        [job] = town.jobs

        def is_done() -> bool:
            there.tend()
            answer = api.call("GET", f"/v1/jobs/{job}", role="shop")
            return answer.done and answer.body["state"] == "done"

        wait_until("the job ends", is_done, 40)
    recorder.close()
    assert LOST in log_of(there)
