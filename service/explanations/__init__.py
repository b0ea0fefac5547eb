"""Plain sentences, in the reader's language, about what was decided and why (GDPR Art. 12(1), 13(2)(f);
C-203/22: the procedure actually applied, intelligibly).

    explain(decision.to_dict(), policy, "sv")                 # the outcome, then every reason with its remedy
    explain_consent("withdrawn", "personal_offers", policy, "fi")
    explain_stage("timing", "da")                             # for readers who must not see the reasons
"""

from __future__ import annotations

from service.explanations.catalogue import LANGUAGES, language_of
from service.explanations.consents import explain_consent
from service.explanations.decisions import explain, explain_outcome, explain_reasons, explain_stage
from service.explanations.forecasts import explain_run_out
from service.explanations.names import title_of

__all__ = [
    "LANGUAGES",
    "explain",
    "explain_consent",
    "explain_outcome",
    "explain_reasons",
    "explain_run_out",
    "explain_stage",
    "language_of",
    "title_of",
]
