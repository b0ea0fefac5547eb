"""When a person runs out of what they use: pure, on the standard library alone."""

from __future__ import annotations

from service.forecast.evidence import Product, Purchase, Usage
from service.forecast.model import Model, Prior, Quantiles, default_model
from service.forecast.notes import Note
from service.forecast.run_out import RunOut, run_out
from service.forecast.training import Series, train

__all__ = [
    "Model",
    "Note",
    "Prior",
    "Product",
    "Purchase",
    "Quantiles",
    "RunOut",
    "Series",
    "Usage",
    "default_model",
    "run_out",
    "train",
]
