"""How a page goes out, and what its form sends back."""

from __future__ import annotations

from flask import Response, request

from service.api.problems import UnsupportedMediaTypeError
from service.explanations import LANGUAGES
from service.pages.page import Page

FORM = "application/x-www-form-urlencoded"


def page_answer(page: Page, html: str, status: int) -> Response:
    answer = Response(html, status, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = page.content_policy
    answer.headers["Vary"] = "Accept-Language"
    return answer


def asked_locale() -> str:
    """By what the browser asks for: the person's own language would tell something of a person."""
    return request.accept_languages.best_match([*LANGUAGES, "no", "nn"]) or "en"


def require_form(*kinds: str) -> None:
    """Raises UnsupportedMediaTypeError for a body of another kind."""
    if request.mimetype not in kinds:
        raise UnsupportedMediaTypeError(f"send {' or '.join(kinds)}")
