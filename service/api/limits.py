"""How large a body may be: the configuration's limit, or a view's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from service.config import Config

View = TypeVar("View", bound=Callable[..., Any])
Size = Literal["ordinary", "bulk"]


def bulk(view: View) -> View:
    """Mark a view that streams its body: `config.max_bulk_bytes` holds instead of `max_body_bytes`."""
    view.__dict__["body_size"] = "bulk"
    return view


def body_limit(view: Callable[..., Any], config: Config) -> int:
    """The largest body of a view, in bytes."""
    is_bulk = getattr(view, "body_size", "ordinary") == "bulk"
    return config.max_bulk_bytes if is_bulk else config.max_body_bytes
