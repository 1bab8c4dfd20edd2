"""The API's description for people: one page without a script, made from the same OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@dataclass(frozen=True)
class Route:
    """One address and method."""

    method: str
    path: str
    summary: str
    scope: str
    parameters: list[dict[str, str]]
    body: list[dict[str, str]]
    answers: str


@require_safe
def description(request: HttpRequest, api: Any) -> HttpResponse:
    """Every address, its scope, and what it takes."""
    schema = api.get_openapi_schema()
    groups: dict[str, list[Route]] = {}
    for view in api_views(api):
        operation = schema["paths"][view["path"]][view["method"]]
        groups.setdefault(operation["tags"][0], []).append(_route(schema, view, operation))
    return render(request, "api/docs.html", {"groups": groups, "version": schema["info"]["version"]})


def api_views(api: Any) -> list[dict[str, str]]:
    """Path, method and scope of every operation, in the order they are declared."""
    found = []
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                auth = operation.auth_callbacks[0]
                full = "/api/v1" + (prefix.rstrip("/") + path)
                found += [{"path": full, "method": m.lower(), "scope": auth.scope} for m in operation.methods]
    return found


def _route(schema: dict[str, Any], view: dict[str, str], operation: dict[str, Any]) -> Route:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields = _resolved(schema, body)
    return Route(
        method=view["method"].upper(),
        path=view["path"],
        summary=" ".join(operation.get("description", "").split()),
        scope=view["scope"],
        parameters=[
            {
                "name": one["name"],
                "where": one["in"],
                "needed": "yes" if one.get("required") else "",
                "said": one.get("description") or one["schema"].get("description", ""),
            }
            for one in operation.get("parameters", ())
        ],
        body=[
            {
                "name": name,
                "where": "body",
                "needed": "yes" if name in fields.get("required", ()) else "",
                "said": one.get("description", ""),
            }
            for name, one in fields.get("properties", {}).items()
        ],
        answers=", ".join(sorted(str(status) for status in operation["responses"])),
    )


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return dict(schema["components"]["schemas"][name]) if name else part
