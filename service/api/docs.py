"""The API's own description: /openapi.json, and /docs, which reads it without any other machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from importlib.resources import files

from flask import Blueprint, Response, request
from werkzeug.http import generate_etag

from service.api.auth import public
from service.errors import NotFoundError

# Swagger UI sets style attributes; scripts come from here alone, and it may call nobody but us.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_OWN = {"start.js": "text/javascript"}
_SWAGGER = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Samtycke API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""


def documentation(describe: Callable[[], dict[str, object]]) -> Blueprint:
    """The pages. `describe` gives the document; it is asked once, when the first reader comes."""
    pages = Blueprint("docs", __name__)
    known: dict[str, Response] = {}

    def serve(name: str, make: Callable[[], tuple[bytes, str]]) -> Response:
        if name not in known:
            data, media_type = make()
            known[name] = _page(data, media_type)
        page = known[name]
        answer = Response(page.get_data(), headers=page.headers)
        answer.make_conditional(request)
        return answer

    @pages.get("/openapi.json")
    @public
    def read_openapi() -> Response:
        return serve("openapi", lambda: (json.dumps(describe()).encode(), "application/json"))

    @pages.get("/docs")
    @public
    def read_docs() -> Response:
        return serve("docs", lambda: (_PAGE, "text/html; charset=utf-8"))

    @pages.get("/docs/<name>")
    @public
    def read_docs_file(name: str) -> Response:
        # Only names out of the tables, so no path can be made of them.
        for package, folder, table in (
            ("service.api", "static", _OWN),
            ("flask_swagger_ui", "dist", _SWAGGER),
        ):
            if name in table:
                return serve(name, partial(_read, package, folder, name, table[name]))
        raise NotFoundError(name)

    return pages


def _read(package: str, folder: str, name: str, media_type: str) -> tuple[bytes, str]:
    return (files(package) / folder / name).read_bytes(), media_type


def _page(data: bytes, media_type: str) -> Response:
    page = Response(data, content_type=media_type)
    page.headers["Cache-Control"] = "no-cache"
    page.headers["Content-Security-Policy"] = _POLICY
    page.set_etag(generate_etag(data))
    return page
