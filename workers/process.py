"""What the tasks of one worker process share."""

from __future__ import annotations

import os
from functools import lru_cache

from service.bootstrap import Services, build_services
from service.config import Config
from service.errors import ConfigError
from service.tasks import Publisher, publisher_for

# One for the task, one for a policy that is compiled for the first time.
_CONNECTIONS = 2


def services() -> Services:
    """Built at the first use, and again in a process that was forked since: connections are not inherited."""
    return _services(os.getpid())


def publisher() -> Publisher:
    broker_url = services().config.broker_url
    if broker_url is None:
        raise ConfigError("no broker: set SAMTYCKE_BROKER_URL")
    return publisher_for(broker_url)


@lru_cache(maxsize=1)
def _services(_pid: int) -> Services:
    return build_services(Config.from_environ(os.environ), pool_size=_CONNECTIONS)
