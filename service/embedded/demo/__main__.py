"""`python -m service.embedded.demo`: load the demo into the database that the environment names."""

from __future__ import annotations

import os

from service.bootstrap import build_services
from service.config import Config
from service.embedded.demo.load import load


def main() -> None:
    services = build_services(Config.from_environ(os.environ), pool_size=2)
    try:
        load(services, services.now, say=lambda line: print(line, flush=True))
    finally:
        services.close()


if __name__ == "__main__":
    main()
