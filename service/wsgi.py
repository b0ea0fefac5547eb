"""What a WSGI server loads: `service.wsgi:application`, built from the environment by its first use of it.

Importing this module alone does nothing, so that tools may look at it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from service.api.app import create_app
from service.bootstrap import build_services
from service.config import Config
from service.embedded.parent import die_with_parent
from service.logging import configure_logging

if TYPE_CHECKING:
    from flask import Flask


def build() -> Flask:
    """The application over the services that the environment names."""
    configure_logging()
    # The server forks its workers; one that lost its leader would hold the port.
    die_with_parent()
    return create_app(build_services(Config.from_environ(os.environ)))


def __getattr__(name: str) -> Flask:
    if name != "application":
        raise AttributeError(name)
    globals()[name] = application = build()
    return application
