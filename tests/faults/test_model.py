"""The model of the barrier holds, and each of its broken variants is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.spin import BROKEN, MISSING, PROPERTIES, explore, is_installed

pytestmark = pytest.mark.skipif(not is_installed(), reason=MISSING)


@pytest.mark.parametrize("prop", PROPERTIES)
def test_the_model_keeps_its_promises(tmp_path: Path, prop: str) -> None:
    found = explore(tmp_path, prop)
    assert found.errors == 0
    # A model that could do next to nothing would keep every promise.
    assert found.states > 1000


@pytest.mark.parametrize(("variant", "prop"), BROKEN.items())
def test_a_broken_variant_is_caught(tmp_path: Path, variant: str, prop: str) -> None:
    assert explore(tmp_path, prop, variant).errors == 1


@pytest.mark.parametrize("variant", BROKEN)
def test_a_broken_variant_breaks_nothing_else(tmp_path: Path, variant: str) -> None:
    for prop in PROPERTIES:
        if prop != BROKEN[variant]:
            assert explore(tmp_path, prop, variant).errors == 0
