"""The JSON-LD context, embedded in every receipt so that nobody need fetch it.

Every property whose value is a thing is coerced to `@id`: without that, compact names would be mere text to
a reader of linked data (law.md CR5). Durations stay text under `rdf:value`.
"""

from __future__ import annotations

from typing import Any

PREFIXES = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "foaf": "http://xmlns.com/foaf/0.1/",
}
THINGS = (
    "dct:conformsTo",
    "dct:isPartOf",
    "dct:source",
    "dpv:hasApplicableLaw",
    "dpv:hasAssessment",
    "dpv:hasAuthority",
    "dpv:hasConsentControl",
    "dpv:hasConsentStatus",
    "dpv:hasDataController",
    "dpv:hasDataSource",
    "dpv:hasDataSubject",
    "dpv:hasDuration",
    "dpv:hasJurisdiction",
    "dpv:hasLegalBasis",
    "dpv:hasLocation",
    "dpv:hasNecessity",
    "dpv:hasNotice",
    "dpv:hasPersonalData",
    "dpv:hasProcess",
    "dpv:hasProcessing",
    "dpv:hasProcessingCondition",
    "dpv:hasPurpose",
    "dpv:hasRecipient",
    "dpv:hasRecordOfActivity",
    "dpv:hasRight",
    "dpv:hasStorageCondition",
    "dpv:isExercisedAt",
    "dpv:isIndicatedBy",
    "foaf:homepage",
    "foaf:mbox",
    "foaf:phone",
)
INSTANTS = ("dct:created", "dpv:isIndicatedAtTime")

CONTEXT: dict[str, Any] = {
    **PREFIXES,
    **{name: {"@type": "@id"} for name in THINGS},
    **{name: {"@type": "xsd:dateTime"} for name in INSTANTS},
    # Kept as it stands: a proof is checked byte by byte.
    "proof": {"@id": "urn:samtycke:terms:proof", "@type": "@json"},
}
