"""Which sites may frame a page: by ``Content-Security-Policy``, per business; without a listed site none may."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import patch_cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt

from clubhouse.embed.models import Embed

View = Callable[..., HttpResponseBase]


def framed(view: View) -> View:
    """For a page of the embed: finds it by its public id, and lets the business's sites frame the page.

    ``X-Frame-Options`` knows no list of sites: it stays "DENY" where none is listed and is left out where one is; all
    browsers that leave it out follow ``frame-ancestors``. There is no cookie in these pages, so there is nothing that
    another site's form could borrow, and no CSRF token: what a page may do hangs on the token in the page itself.
    """

    @csrf_exempt
    @functools.wraps(view)
    def inner(request: HttpRequest, public: str, **kwargs: Any) -> HttpResponseBase:
        embed = get_object_or_404(Embed.objects.select_related("business"), public_id=public)
        sites = sorted(embed.sites.values_list("origin", flat=True))
        shown: View = lambda asked: view(asked, embed, **kwargs)  # noqa: E731 - the decorators want a view
        if sites:
            shown = xframe_options_exempt(csp_replace({"frame-ancestors": sites})(shown))
        response = shown(request)
        patch_cache_control(response, private=True, no_store=True)
        return response

    return inner
