"""When a person runs out of what they use: pure, on the standard library alone."""

from __future__ import annotations

from service.forecast.run_out import Product, Purchase, RunOut, Usage, run_out

__all__ = ["Product", "Purchase", "RunOut", "Usage", "run_out"]
