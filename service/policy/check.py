"""Whether a policy document may be used at all (decision.md, "Policy is checked before use").

Every fault is found, not just the first; a policy with one is refused whole. `check_entries.py` looks at
what the evaluator reads, `check_extras.py` at what the policy only carries along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.policy.check_detectors import check_detectors
from service.policy.check_entries import CHECKS, Names, check_caps, check_rollout
from service.policy.check_extras import DOCUMENT_EXTRAS, check_document_extras, check_extras
from service.policy.faults import Fault
from service.policy.levels import LEVELS
from service.policy.policy import FORMAT
from service.policy.reader import Reader

_KEYS = ("format", "default_level", *CHECKS, "contact_caps", "rollout", "detectors", *DOCUMENT_EXTRAS)


def check_policy(document: Mapping[str, Any]) -> list[Fault]:
    """Every fault of a policy document (the parsed YAML or JSON); an empty list if it may be used."""
    reader = Reader(echo=True)
    whole = reader.mapping(document, "", _KEYS)
    names = Names.of(whole)

    if whole.get("format") != FORMAT:
        reader.fault("/format", f"must be {FORMAT}")
    reader.one_of(whole.get("default_level"), "/default_level", LEVELS, "level")
    for section in ("purposes", "programmes"):
        if whole.get(section) is None:
            reader.wrong(f"/{section}", "an object", None)
    for section, (keys, check) in CHECKS.items():
        for name, value, path in reader.entries(whole.get(section), f"/{section}"):
            # An entry without a body (`women:` in YAML) is null, and says nothing.
            entry = reader.mapping({} if value is None else value, path, keys)
            check(reader, names, name, entry, path)
            check_extras(reader, entry, path)
    check_caps(reader, whole.get("contact_caps"), "/contact_caps")
    for value, path in reader.items(whole.get("rollout"), "/rollout"):
        check_rollout(reader, names, value, path)
    check_detectors(reader, names, whole)
    check_document_extras(reader, names, whole)
    return reader.faults
