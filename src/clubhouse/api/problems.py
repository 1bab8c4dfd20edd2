"""Every error of the API is a problem document (RFC 9457): a type, a title, the status, and what to do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

CONTENT_TYPE = "application/problem+json"
#: Titles by status, where nothing says more.
TITLES = {
    400: "The request cannot be read",
    401: "No valid token",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible as things are",
    413: "Too large",
    415: "Unsupported media type",
    422: "The request is not valid",
    429: "Too many requests",
    500: "Something failed here",
    503: "Busy at this moment",
}


class Problem(Exception):
    """An error to be answered. ``detail`` says what to do; ``more`` are members of the document beside the usual."""

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers or {}, more

    def response(self) -> HttpResponse:
        """The answer."""
        return answer(self.status, self.detail, headers=self.headers, **self.more)


def answer(status: int, detail: str = "", *, headers: dict[str, str] | None = None, **more: Any) -> HttpResponse:
    """A problem document as a response."""
    title = TITLES.get(status, "Not possible")
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail or f"{title}."} | more
    return JsonResponse(said, status=status, content_type=CONTENT_TYPE, headers=headers or {})


def made_a_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """An error that something else answered, as a problem document; anything else as it is."""
    if response.status_code < 400 or response.get("Content-Type", "").startswith(CONTENT_TYPE):
        return response
    headers = {name: response[name] for name in ("Allow", "Retry-After") if name in response}
    detail = f"This address takes {headers['Allow']}." if "Allow" in headers else ""
    return answer(response.status_code, detail, headers=headers)
