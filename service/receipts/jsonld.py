"""ISO/IEC TS 27560 record and receipt in the Data Privacy Vocabulary (law.md CR1 to CR5)."""

from __future__ import annotations

from typing import Any

from service.consent_states import ConsentState
from service.instants import show_instant
from service.receipts import facts
from service.receipts.context import CONTEXT
from service.receipts.parties import authority_node, controller_node, recipient_node
from service.receipts.source import Source

RECEIPT_SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr"
RECORD_SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"

# Art. 7(3), 15 to 18, 20 and 77 come with every consent.
_RIGHTS = ("A7-3", "A15", "A16", "A17", "A18", "A20", "A77")
_BY_PERSON = frozenset(
    {
        ConsentState.GIVEN,
        ConsentState.RENEWED,
        ConsentState.REFUSED,
        ConsentState.WITHDRAWN,
        ConsentState.DEFERRED,
    }
)


def build_receipt(source: Source) -> dict[str, Any]:
    """The receipt, without a proof. It holds nothing that was drawn or read from a clock."""
    return {
        "@context": CONTEXT,
        "@id": f"urn:uuid:{source.receipt_uuid}",
        "@type": "dpv:ConsentReceipt",
        **_identified(str(source.receipt_uuid)),
        "dct:conformsTo": RECEIPT_SCHEMA,
        "dct:created": show_instant(source.recorded_at),
        "dpv:hasRecordOfActivity": [_record(source)],
    }


def _record(source: Source) -> dict[str, Any]:
    at = facts.controller(source).get("privacy_url") or facts.NOT_STATED_IRI
    country = facts.controller(source).get("jurisdiction")
    record = {
        "@id": f"urn:uuid:{source.record_uuid}",
        "@type": "dpv:ConsentRecord",
        **_identified(str(source.record_uuid)),
        "dct:conformsTo": RECORD_SCHEMA,
        "dpv:hasDataSubject": f"urn:samtycke:subject:{source.subject_id}",
        "dpv:hasDataController": controller_node(facts.controller(source)),
        "dpv:hasJurisdiction": f"loc:{country}" if country else facts.NOT_STATED_IRI,
        "dpv:hasApplicableLaw": "eu-gdpr:GDPR",
        "dpv:hasNotice": [_notice(source)],
        "dpv:hasProcess": [_process(source)],
        "dpv:hasConsentControl": [{"@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": at}],
        "dpv:hasRight": [{"@type": f"eu-gdpr:{right}", "dpv:isExercisedAt": at} for right in _rights(source)],
        "dpv:hasConsentStatus": [_event(source)],
    }
    authority = facts.controller(source).get("authority")
    if isinstance(authority, dict):
        record["dpv:hasAuthority"] = [authority_node(authority)]
    return record


def _identified(identifier: str) -> dict[str, str]:
    # The guide has the one in some places and the other in others.
    return {"dct:identifier": identifier, "dpv:hasIdentifier": identifier}


def _rights(source: Source) -> list[str]:
    more = []
    if source.kind == "channel" or source.entry.get("direct_marketing") is True:
        more.append("A21")
    if source.entry.get("explicit") is True:
        more.append("A22")
    return sorted([*_RIGHTS, *more], key=lambda name: int(name[1:].partition("-")[0]))


def _notice(source: Source) -> dict[str, Any]:
    notice = source.notice
    parts = ["urn:samtycke:notice", source.name, str(notice.version)]
    if notice.revision is not None:
        parts.append(f"r{notice.revision}")
    node: dict[str, Any] = {
        "@id": ":".join([*parts, notice.locale]),
        "@type": "dpv:ConsentNotice",
        "dct:language": notice.locale,
        "dct:hasVersion": str(notice.version),
    }
    if notice.sha256 is not None:
        node |= _identified(f"sha256:{notice.sha256}")
    said = (("title", notice.title), ("abstract", notice.summary), ("description", notice.words))
    for key, text in said:
        if text is not None:
            node[f"dct:{key}"] = {"@value": text, "@language": notice.locale}
    return node


def _process(source: Source) -> dict[str, Any]:
    entry, locale = source.entry, source.notice.locale
    own = {
        "@id": f"urn:samtycke:{source.kind}:{source.name}",
        "@type": "dpv:Purpose",
        **_identified(source.name),
        **_title(entry.get("texts"), locale),
    }
    process: dict[str, Any] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": [own, *(entry.get("dpv") or ())],
        "dpv:hasLegalBasis": facts.legal_basis(source),
        "dpv:hasProcessing": ["dpv:Collect", "dpv:Store", "dpv:Use"],
        "dpv:hasDataSource": "dpv:DataSubjectDataSource",
        "dpv:hasPersonalData": _data(source),
        "dpv:hasRecipient": [recipient_node(each) for each in facts.recipients_of(source)],
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": _places(source, "locations")},
            {"@type": "dpv:StorageDuration", "dpv:hasDuration": _duration(facts.retention_of(source))},
        ],
        "dpv:hasProcessingCondition": [
            {
                "@type": "dpv:ProcessingLocation",
                "dpv:hasLocation": _places(source, "processing_locations") or _places(source, "locations"),
            }
        ],
    }
    if entry.get("assessment"):
        assessment = {"@type": "dpv:DPIA", **_identified(str(entry["assessment"]))}
        process["dpv:hasAssessment"] = [assessment]
    return process


def _data(source: Source) -> list[Any]:
    """Each category as a node of its own, and the vocabulary's terms for readers who know only those."""
    special = ["dpv:SpecialCategoryPersonalData"] if facts.is_special(source) else []
    nodes, terms = list[Any](), list[str]()
    for each in facts.data_of(source):
        node: dict[str, Any] = {
            "@id": f"urn:samtycke:data:{each.name}",
            "@type": ["dpv:PersonalData", *special, *each.terms],
            **_identified(each.name),
            **_title(each.texts, source.notice.locale),
            "dpv:hasNecessity": "dpv:Required" if each.necessary else "dpv:Optional",
        }
        if each.retention is not None:
            kept = {"@type": "dpv:StorageDuration", "dpv:hasDuration": _duration(each.retention)}
            node["dpv:hasStorageCondition"] = [kept]
        nodes.append(node)
        terms += each.terms
    return [*nodes, *dict.fromkeys(terms)]


def _places(source: Source, key: str) -> list[str]:
    found = [f"loc:{code}" for code in facts.places(source, key)]
    return found or ([facts.NOT_STATED_IRI] if key == "locations" else [])


def _duration(period: str | None) -> dict[str, str]:
    if period is None:
        return {"@type": "dpv:IndeterminateDuration", "rdf:value": facts.NOT_STATED}
    return {"@type": "dpv:TemporalDuration", "rdf:value": period}


def _event(source: Source) -> dict[str, Any]:
    types = [f"dpv:{source.state.value}"]
    if source.state.permits:
        types.append("dpv:ExplicitlyExpressedConsent" if source.explicit else "dpv:ExpressedConsent")
    by = "dpv:DataSubject" if source.state in _BY_PERSON else "dpv:DataController"
    return {
        "@id": f"urn:samtycke:event:{source.event_id}",
        "@type": types,
        **_identified(source.event_id),
        "dpv:isIndicatedBy": by,
        "dpv:hasIndicationMethod": source.origin,
        "dpv:isIndicatedAtTime": show_instant(source.at),
        "dpv:hasDuration": _validity(source),
    }


def _validity(source: Source) -> list[dict[str, str]]:
    """How long the event counts: a yes for its period and until its instant, a no until another answer."""
    if not source.state.permits or source.expires_at is None:
        return [{"@type": "dpv:EndlessDuration", "rdf:value": "until another answer"}]
    until = {"@type": "dpv:UntilTimeDuration", "rdf:value": show_instant(source.expires_at)}
    period = facts.valid_for(source)
    return [until] if period is None else [{"@type": "dpv:TemporalDuration", "rdf:value": period}, until]


def _title(texts: Any, locale: str) -> dict[str, Any]:
    said = texts.get(locale) if isinstance(texts, dict) else None
    title = said.get("title") if isinstance(said, dict) else said
    return {"dct:title": {"@value": title, "@language": locale}} if isinstance(title, str) else {}
