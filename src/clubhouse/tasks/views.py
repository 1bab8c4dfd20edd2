"""The desk's task list."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from clubhouse.accounts.permissions import needs
from clubhouse.clients.selectors import visible
from clubhouse.tasks import selectors, services
from clubhouse.tasks.models import Task

PAGE = 50


@needs("contacts")
@require_safe
def task_list(request: HttpRequest) -> HttpResponse:
    """What waits at the desk. Names are looked up as the page is shown; a fixed number of queries."""
    staff = request.staff  # type: ignore[attr-defined]
    payments = selectors.failed_payments(staff).select_related("client")
    refunds = selectors.failed_refunds(staff).select_related("invoice__client")
    context = {
        "page": Paginator(selectors.open_tasks(staff).select_related("client"), PAGE).get_page(request.GET.get("page")),
        "payments": list(payments[:PAGE]),
        "payments_total": payments.count(),
        "refunds": list(refunds[:PAGE]),
    }
    return render(request, "tasks/list.html", context)


@needs("contacts")
@require_POST
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    """Tick a task off by hand: the client pays themself, or needs no guardian any more."""
    staff = request.staff  # type: ignore[attr-defined]
    task = Task.objects.filter(pk=pk, client__in=visible(staff)).first()
    if task is None:
        raise Http404
    if services.finish(task, by=staff, now=timezone.now()):
        messages.success(request, _("The task is done."))
    else:
        messages.info(request, _("The task was done already."))
    return redirect("tasks:list")
