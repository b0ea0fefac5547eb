"""Instances that end with their test, whatever happens in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.instance import Instance

Launch = Callable[..., Instance]


@pytest.fixture
def launch(open_folder: Path) -> Iterator[Launch]:
    """Makes an Instance (not yet started) on the folder `home` inside a fresh one, or on the folder given."""
    made: list[Instance] = []

    def make(*arguments: object, home: Path | None = None, **options: object) -> Instance:
        made.append(Instance(home or open_folder / "home", *arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for instance in made:
        instance.kill_everything()
