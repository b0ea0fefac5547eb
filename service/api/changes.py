"""What every change of a person's choices answers."""

from __future__ import annotations

from typing import Any

from service.use_cases.change import Changed


def show_changed(changed: Changed | None, epoch: int) -> dict[str, Any]:
    """`changed` is None where everything was so already, at `epoch`."""
    if changed is None:
        return {"epoch": epoch, "cancelled": [], "irrevocable": []}
    return {
        "epoch": changed.epoch,
        "cancelled": changed.cancelled,
        "irrevocable": changed.irrevocable,
    }
