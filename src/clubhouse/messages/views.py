"""A colleague's inbox."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from clubhouse.accounts.permissions import may, team_required
from clubhouse.messages.models import Notification
from clubhouse.messages.services import mark_read

PAGE = 50


@team_required
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """One's own lines, unread first, then the latest first. A client's name is looked up as the page is shown."""
    staff = request.staff  # type: ignore[attr-defined]
    rows = (
        Notification.objects.filter(recipient=staff)
        .select_related("session__club", "client")
        .annotate(is_read=ExpressionWrapper(Q(read_at__isnull=False), output_field=BooleanField()))
        .order_by("is_read", "-created_at", "-pk")
    )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    unread = Notification.objects.filter(recipient=staff, read_at=None).count()
    context = {"page": page, "unread": unread, "sees_clients": may(staff, "contacts")}
    return render(request, "messages/inbox.html", context)


@team_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark chosen lines as read, or with ``all`` every one. Lines of somebody else's inbox are left alone."""
    chosen = [int(key) for key in request.POST.getlist("notification") if key.isdecimal() and len(key) < 19]
    everything = "all" in request.POST
    if not chosen and not everything:
        messages.error(request, _("Choose at least one line, then press “Mark as read”."))
        return redirect("messages:inbox")
    staff = request.staff  # type: ignore[attr-defined]
    count = mark_read(staff, now=timezone.now(), keys=None if everything else chosen)
    messages.success(
        request, ngettext("%(count)s line marked as read.", "%(count)s lines marked as read.", count) % {"count": count}
    )
    return redirect("messages:inbox")
