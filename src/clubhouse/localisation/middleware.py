"""Every page in its reader's language, and on its reader's clock."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from clubhouse.localisation.selectors import language_of_request, zone_of_request


class LocalisationMiddleware:
    """Comes after whoever says who is asking. Costs no query, unless a signed-in browser asks for no language of ours.

    Django's own middleware, further out, has chosen for pages that fail before this one is reached, and says in the
    answer's headers which language it is in. The zone is for templates alone (see ``backend.py``).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = language_of_request(request)
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()
        request.reader_zone = zone_of_request(request)  # type: ignore[attr-defined]
        return self.get_response(request)
