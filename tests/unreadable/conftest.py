"""The launching of whole instances, as in the tests of the embedded start."""

from __future__ import annotations

from tests.embedded.conftest import launch

__all__ = ["launch"]
