"""Who may open the operator's console: the operator of the deployment, who belongs to no business."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from clubhouse.accounts.models import User

View = Callable[..., HttpResponseBase]


def is_operator(request: HttpRequest) -> bool:
    """Whether the operator is signed in."""
    return request.user.is_authenticated and request.user.audience == User.Audience.OPERATOR


def operator_required(view: View) -> View:
    """For the operator alone. Pages are kept in no cache: a copy would outlive a client's erasure."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            address = resolve_url("operator:sign-in")
            wanted = request.get_full_path() if request.method == "GET" else resolve_url("operator:cases")
            return redirect_to_login(wanted, address)
        if not is_operator(request):
            raise PermissionDenied(_("This is for the operator of the deployment."))
        response = view(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_store=True)
        return response

    return guarded
