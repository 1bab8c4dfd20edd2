"""Who is asking: the business, and the colleague or the member behind the account."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control

from clubhouse.accounts.models import Business, User
from clubhouse.accounts.signing_in import is_idle_too_long
from clubhouse.clients.models import Client
from clubhouse.clients.services import ErasedClientError
from clubhouse.team.models import StaffMember
from lethe.exceptions import TryAgain


class BusinessMiddleware:
    """Sets ``request.business``, ``request.staff`` and ``request.member``; each is None where it does not apply.

    A signed-in page is shown in the business's time zone, and no cache keeps it: a copy in a browser's or a proxy's
    cache would outlive the person's erasure.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.business = None  # type: ignore[attr-defined]
        request.staff = None  # type: ignore[attr-defined]
        request.member = None  # type: ignore[attr-defined]
        user = request.user
        if not user.is_authenticated or (business := user.business) is None:
            return self.get_response(request)
        now, session = timezone.now(), request.session
        if is_idle_too_long(user, session.seen_at, now=now):  # type: ignore[attr-defined]
            logout(request)
            return self.get_response(request)
        session.seen(now)  # type: ignore[attr-defined]
        request.business = business  # type: ignore[attr-defined]
        if user.audience == User.Audience.TEAM:
            request.staff = self._colleague(user, business)  # type: ignore[attr-defined]
        else:
            request.member = self._client(user, business)  # type: ignore[attr-defined]
        with timezone.override(zoneinfo.ZoneInfo(business.timezone)):
            response = self.get_response(request)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A deleted client is read-only everywhere (row H18): whoever tries is told so, with status 409. An erasure
        that waited in vain says what for, with status 503."""
        if isinstance(exception, ErasedClientError):
            return render(request, "409.html", {"exception": exception}, status=409)
        if isinstance(exception, TryAgain):
            response = render(request, "503.html", {"exception": exception}, status=503)
            response["Retry-After"] = "60"
            return response
        return None

    @staticmethod
    def _colleague(user: User, business: Business) -> StaffMember | None:
        staff = StaffMember.objects.select_related("access_group", "club").filter(user=user).first()
        if staff is not None:
            staff.business = business
        return staff

    @staticmethod
    def _client(user: User, business: Business) -> Client | None:
        client = Client.objects.filter(user=user).exclude(status=Client.Status.DELETED).first()
        if client is not None:
            client.business = business
        return client
