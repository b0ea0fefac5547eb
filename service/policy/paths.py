"""Dotted category paths. `*` stands above every path and is none itself."""

from __future__ import annotations


def paths_of(category: str, deepest: int = -1) -> list[str]:
    """A path and its prefixes down to `deepest` steps (-1: all), the shortest first."""
    if category == "*":
        return []
    steps = category.split(".", deepest)
    if 0 <= deepest < len(steps):
        del steps[deepest:]
    return [".".join(steps[: n + 1]) for n in range(len(steps))]


def lies_under(category: str, path: str) -> bool:
    """Whether a path is the category or a prefix of it."""
    return category.startswith(path) and (len(category) == len(path) or category[len(path)] == ".")


def depth_of(path: str) -> int:
    """How many steps a path has; `*` has none."""
    return 0 if path == "*" else path.count(".") + 1
