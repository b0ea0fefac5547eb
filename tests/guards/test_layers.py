"""One direction (style.md): edges call use cases, those call policy and storage, nothing calls back up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 kept, 0 broken" in run.stdout


def test_importing_an_edge_starts_nothing() -> None:
    """No configuration, connection or key is read by an import: tools and tests look at modules too."""
    program = "import service.wsgi, service.api.app, workers.celery_app, service.cli; print('imported')"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={"PATH": "/nowhere", "SAMTYCKE_DATABASE_URL": "nonsense", "SAMTYCKE_PORT": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "imported\n", "")
