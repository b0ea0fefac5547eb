"""The receiver stand-in as a run starts it: it writes down what a message says as well.

python -m tests.faults.sink --port PORT --log FILE
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tests.receiver import Receiver


class Sink(Receiver):
    """A receiver whose log holds `content`, by which a message is told from another."""

    def note(self, facts: dict[str, Any], body: bytes) -> None:
        data = json.loads(body).get("data") or {}
        super().note(facts | {"content": data.get("message", data)}, body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    Sink(given.log, given.port).serve_forever()


if __name__ == "__main__":
    main()
