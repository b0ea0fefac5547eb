"""Routes that document themselves: OpenAPI 3.1 out of the same decorators that read and write bodies.

flask-smorest makes the document; reading bodies is ours, since its parser would accept NaN, keys that
stand twice and strings that no database holds.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from typing import Any, TypeVar

import flask_smorest  # type: ignore[import-untyped]  # it ships no types
import msgspec
from flask import Flask, Response, request

from schemas.base import Shape
from schemas.problems import ProblemShape
from service.api import bodies
from service.api.problems import MEDIA_TYPE

View = TypeVar("View", bound=Callable[..., Any])
ShapeClass = type[Shape]
_encode = msgspec.json.Encoder().encode

TITLE = "Samtycke"
DESCRIPTION = (
    "May we do this, for this person, now? Consent, control levels and decisions. "
    "A denial is a decision (200), never an error; errors are problem details (RFC 9457)."
)
# flask-smorest adds these to every body; ours say which kind of fault they are.
_INPUT_PROBLEMS = {
    "400": "The body cannot be read",
    "415": "Another media type is needed",
    "422": "The input has faults; every one is listed",
}


class Routes(flask_smorest.Blueprint):  # type: ignore[misc]  # an untyped base
    """A blueprint of the API. Views are functions, marked by `allow` or `public`; a path's parameters come
    by name, the body and the query by position, in the order of their decorators from below."""

    def __init__(self, name: str, description: str, *, prefix: str = "/v1") -> None:
        super().__init__(name, f"service.api.{name}", url_prefix=prefix, description=description)

    def get(self, rule: str) -> Callable[[View], View]:
        return self._method("GET", rule)

    def post(self, rule: str) -> Callable[[View], View]:
        return self._method("POST", rule)

    def put(self, rule: str) -> Callable[[View], View]:
        return self._method("PUT", rule)

    def patch(self, rule: str) -> Callable[[View], View]:
        return self._method("PATCH", rule)

    def delete(self, rule: str) -> Callable[[View], View]:
        return self._method("DELETE", rule)

    def body(
        self, shape: ShapeClass | Shape, *, media_types: tuple[str, ...] = bodies.JSON
    ) -> Callable[[View], View]:
        """Read the JSON body by `shape` and pass it by position."""
        reader = shape() if isinstance(shape, type) else shape
        doc = {
            "requestBody": {
                "required": True,
                "content": {media_type: {"schema": reader} for media_type in media_types},
            },
        }
        return self._reading(lambda: bodies.read_body(reader, media_types), doc)

    def body_doc(self, shape: ShapeClass | Shape, *media_types: str) -> Callable[[View], View]:
        """Document a body that the view reads by itself (a hot or a streaming route)."""
        reader = shape() if isinstance(shape, type) else shape
        content = {media_type: {"schema": reader} for media_type in media_types or bodies.JSON}
        return _documented({"requestBody": {"required": True, "content": content}}, _INPUT_PROBLEMS)

    def query(self, shape: ShapeClass) -> Callable[[View], View]:
        """Read the query string by `shape` and pass it by position."""
        reader = shape()
        return self._reading(lambda: bodies.read_query(reader), {"query": reader})

    def header(self, name: str, description: str, *, required: bool = False) -> Callable[[View], View]:
        """Document a request header."""
        parameter = {
            "in": "header",
            "name": name,
            "required": required,
            "description": description,
            "schema": {"type": "string"},
        }
        return _documented({"parameters": [parameter]}, {})

    def answer(
        self, status: int, shape: ShapeClass | Shape | None = None, *, description: str = ""
    ) -> Callable[[View], View]:
        """Write what the view returns by `shape`; a `Response` is passed through and only documented."""
        decorator: Callable[[View], View] = self.response(status, shape, description=description or None)
        return decorator

    def _reading(self, read: Callable[[], Any], doc: dict[str, Any]) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            @wraps(view)
            def reading(*args: Any, **kwargs: Any) -> Any:
                return view(*args, read(), **kwargs)

            return _documented(doc, _INPUT_PROBLEMS)(reading)  # type: ignore[return-value]  # same signature

        return decorate

    def _method(self, method: str, rule: str) -> Callable[[View], View]:
        def register(view: View) -> View:
            name = f"{self.name}_{view.__name__}"
            documented = _documented({"operationId": name}, {})(view)
            self.route(rule, methods=[method])(documented)
            return view

        return register

    def _prepare_arguments_doc(
        self, doc: dict[str, Any], doc_info: dict[str, Any], **_: Any
    ) -> dict[str, Any]:
        """flask-smorest's hook: what `body`, `query` and `header` noted becomes part of the operation."""
        noted = doc_info.get("samtycke", {})
        if "requestBody" in noted:
            doc["requestBody"] = noted["requestBody"]
        parameters = list(noted.get("parameters", ()))
        if "query" in noted:
            parameters.append({"in": "query", "schema": noted["query"]})
        if parameters:
            doc["parameters"] = parameters
        if "operationId" in noted:
            doc["operationId"] = noted["operationId"]
        for status, description in noted.get("problems", {}).items():
            doc.setdefault("responses", {})[status] = {
                "description": description,
                "content": {MEDIA_TYPE: {"schema": ProblemShape}},
            }
        return doc


def _documented(doc: dict[str, Any], problems: dict[str, str]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        # A copy: the function below keeps its own notes, and may be registered elsewhere too.
        apidoc = deepcopy(view.__dict__.get("_apidoc", {}))
        noted = apidoc.setdefault("samtycke", {})
        noted["parameters"] = [*doc.get("parameters", ()), *noted.get("parameters", ())]
        noted["problems"] = {**noted.get("problems", {}), **problems}
        noted.update({key: value for key, value in doc.items() if key != "parameters"})
        view.__dict__["_apidoc"] = apidoc
        return view

    return decorate


class Interface(flask_smorest.Api):  # type: ignore[misc]  # an untyped base
    """The collector of the OpenAPI document. It handles no errors: service.api.problems does."""

    ERROR_SCHEMA = ProblemShape

    def __init__(self, app: Flask, version: str) -> None:
        app.config.update(API_TITLE=TITLE, API_VERSION=version, OPENAPI_VERSION="3.1.0")
        licence = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        super().__init__(app, spec_kwargs={"info": {"description": DESCRIPTION, "license": licence}})
        scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "at+jwt (RFC 9068)"}
        self.spec.components.security_scheme("bearer", scheme)

    def _register_error_handlers(self) -> None:
        """Nothing: one table turns errors into problems."""

    def _register_responses(self) -> None:
        problem = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": ProblemShape}}}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, problem, lazy=True)


def json_response(body: Any, status: int = 200) -> Response:
    """`body` as JSON: msgspec writes dates, UUIDs and dataclasses as well."""
    return Response(_encode(body), status, content_type="application/json")


def wants(*media_types: str) -> str | None:
    """The best of `media_types` for the request's Accept header; None when it takes none of them."""
    if not request.accept_mimetypes:
        return media_types[0]
    return request.accept_mimetypes.best_match(media_types)
