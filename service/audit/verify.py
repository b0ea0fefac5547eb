"""Check a whole ledger: the tree against what was signed, and what is kept against the tree.

Nothing is trusted but the key that checkpoints are checked with, and whatever a witness has kept. Findings
are in the order of the log, so that the first names the first bad entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.audit.content import Checked, check_content
from service.audit.dump import Dump
from service.audit.findings import Finding, malformed_as
from service.audit.tree import TreeCheck
from service.crypto.checkpoint import Checkpoint, open_checkpoint
from service.crypto.signed_note import NoteVerifier
from service.errors import NoteError


@dataclass(frozen=True)
class Report:
    """`findings` is empty for a ledger that holds together."""

    size: int
    checkpoints: int
    content: Checked
    findings: list[Finding]


def verify(dump: Dump, verifier: NoteVerifier, witnessed: Sequence[Checkpoint] = ()) -> Report:
    """Raises LedgerError for a dump that cannot be read at all."""
    with malformed_as("the dump"):
        signed, findings = _check_notes(dump, verifier)
        tree = TreeCheck(signed, witnessed)
        findings += tree.run(dump)
        content = check_content(dump, tree.places)
    findings = sorted(findings + content.findings, key=lambda finding: finding.position)
    return Report(tree.size, len(signed), content, findings)


def _check_notes(dump: Dump, verifier: NoteVerifier) -> tuple[list[Checkpoint], list[Finding]]:
    """The checkpoints as signed: the note counts, whatever stands beside it."""
    signed: list[Checkpoint] = []
    findings: list[Finding] = []
    for row in dump.rows("checkpoints"):
        start = signed[-1].size if signed else 0
        try:
            checkpoint = open_checkpoint(verifier, row["note"])
        except NoteError as error:
            findings.append(Finding(start, f"the checkpoint of {row['size']} entries: {error}"))
            continue
        if (row["size"], row["root"]) != (checkpoint.size, checkpoint.root.hex()):
            message = f"the row of the checkpoint of {row['size']} entries is not what was signed"
            findings.append(Finding(start, message))
        signed.append(checkpoint)
    return signed, findings
