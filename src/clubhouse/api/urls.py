"""Addresses of the API, under ``api/v1/``."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path

from clubhouse.api.client_routes import router as clients
from clubhouse.api.docs import description
from clubhouse.api.member_routes import router as members
from clubhouse.api.serving import Described, install, served

api = Described(
    title="Clubhouse",
    version="1.0.0",
    description="What the member app and an integration need. Every error is a problem document (RFC 9457).",
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api",
)
api.add_router("", members)
api.add_router("", clients)
install(api)


def nothing(request: HttpRequest) -> HttpResponse:
    """Any other address under the API's."""
    raise Http404


patterns, _, _ = api.urls
for _pattern in patterns:
    assert isinstance(_pattern, URLPattern)
    _pattern.callback = served(_pattern.callback)
app_name = "api"
urlpatterns = [
    path("docs/", description, {"api": api}, name="docs"),
    *patterns,
    re_path("^.*$", served(nothing), name="nothing"),
]
