"""The reports: sessions, revenue, aged debt, the sessions of a month, and the roster of one. All only read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from clubhouse.accounts.permissions import needs, reports_required
from clubhouse.reports import charts, selectors, spreadsheet, summaries
from clubhouse.reports.forms import ReportForm
from clubhouse.reports.periods import Month, last_months
from clubhouse.reports.tables import Table

PAGE = 100
ATTENDANCE_BARS = (2, 3, 4)
REVENUE_BAR = (4,)
AGES = range(2, 7)


def plain_as_a_file(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A CSV file is read by programs: its heads, months and numbers are the same whoever asks for it."""

    @functools.wraps(view)
    def shown(request: HttpRequest) -> HttpResponse:
        with override(settings.LANGUAGE_CODE if _wants_file(request) else get_language() or settings.LANGUAGE_CODE):
            return view(request)

    return shown


@reports_required
@require_safe
@plain_as_a_file
def sessions(request: HttpRequest) -> HttpResponse:
    """Sessions conducted, attendance, no-shows and late cancellations (row F5)."""
    clubs = selectors.clubs_of(request.staff)  # type: ignore[attr-defined]
    trainers = selectors.trainers_of(clubs)
    groups = ("club", "trainer", "month") if len(clubs) > 1 else ("trainer", "month")
    form = ReportForm(request.GET, clubs=clubs, trainers=trainers, groups=groups, today=timezone.localdate())
    if not form.is_valid():
        return _refused(request, form, "sessions")
    chosen, period, by = form.narrowed(clubs), form.period, form.rows
    found = selectors.attendance(chosen, period, by, timezone.now(), form.of_trainer)
    called = summaries.names(by, chosen, trainers, period)
    table = summaries.attendance_table(found, by, called, _("Sessions, %(period)s") % {"period": period.label})
    chart = charts.stacked(table, ATTENDANCE_BARS)
    return _shown(request, form, "sessions", table, chart, f"sessions-{period.first}-{period.last}")


@reports_required
@require_safe
@plain_as_a_file
def revenue(request: HttpRequest) -> HttpResponse:
    """Payments less refunds."""
    clubs = selectors.clubs_of(request.staff)  # type: ignore[attr-defined]
    groups = ("club", "month") if len(clubs) > 1 else ("month",)
    form = ReportForm(request.GET, clubs=clubs, groups=groups, today=timezone.localdate())
    if not form.is_valid():
        return _refused(request, form, "revenue")
    chosen, period, by = form.narrowed(clubs), form.period, form.rows
    called = summaries.names(by, chosen, (), period)
    table = summaries.revenue_table(
        selectors.revenue(chosen, period, by),
        by,
        called,
        _("Revenue, %(period)s") % {"period": period.label},
        _currency(request),
    )
    chart = charts.stacked(table, REVENUE_BAR, line=by == "month")
    return _shown(request, form, "revenue", table, chart, f"revenue-{period.first}-{period.last}")


@reports_required
@require_safe
@plain_as_a_file
def debt(request: HttpRequest) -> HttpResponse:
    """What is owed today, by its age."""
    clubs = selectors.clubs_of(request.staff)  # type: ignore[attr-defined]
    today = timezone.localdate()
    groups = ("club", "month") if len(clubs) > 1 else ("month",)
    form = ReportForm(request.GET, clubs=clubs, groups=groups, today=today, has_period=False)
    if not form.is_valid():
        return _refused(request, form, "debt")
    chosen, by = form.narrowed(clubs), form.rows
    called = summaries.names(by, chosen, (), None)
    found = selectors.aged_debt(chosen, today, by)
    table = summaries.debt_table(
        found, by, called, _("Aged debt on %(day)s") % {"day": summaries.day(today)}, _currency(request)
    )
    return _shown(request, form, "debt", table, charts.ages(table, AGES), f"aged-debt-{today}")


@reports_required
@require_safe
@plain_as_a_file
def held(request: HttpRequest) -> HttpResponse:
    """Each session of a month that was conducted, with how many came (row F5)."""
    clubs = selectors.clubs_of(request.staff)  # type: ignore[attr-defined]
    trainers = selectors.trainers_of(clubs)
    form = ReportForm(request.GET, clubs=clubs, trainers=trainers, today=timezone.localdate(), one_month=True)
    if not form.is_valid():
        return _refused(request, form, "held")
    rows = selectors.held(form.narrowed(clubs), form.period, timezone.now(), form.of_trainer)
    caption = _("Sessions of %(period)s") % {"period": form.period.label}
    if _wants_file(request):
        return spreadsheet.download(
            summaries.sessions_table(rows, caption, linked=False), f"sessions-of-{form.period.first}"
        )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    table = summaries.sessions_table(page.object_list, caption, linked=True)
    return _shown(request, form, "held", table, None, "", page=page)


@reports_required
@needs("contacts")
@require_safe
def roster(request: HttpRequest, pk: int) -> HttpResponse:
    """Who had a place in a session; erased clients are “[deleted]” with a number (row F6)."""
    staff = request.staff  # type: ignore[attr-defined]
    session = selectors.find_session(selectors.clubs_of(staff), pk)
    begins = summaries.begins(session)
    context = {
        "session": session,
        "when": summaries.moment(begins),
        "month": Month.of(begins),
        "places": selectors.roster(staff, session),
    }
    return render(request, "reports/roster.html", context)


def _shown(
    request: HttpRequest, form: ReportForm, name: str, table: Table, chart: Any, file: str, **more: Any
) -> HttpResponse:
    """The report as a page, or with ``format=csv`` as a file."""
    if _wants_file(request):
        return spreadsheet.download(table, file)
    return render(request, f"reports/{name}.html", _frame(form, name) | {"table": table, "chart": chart, **more})


def _refused(request: HttpRequest, form: ReportForm, name: str) -> HttpResponse:
    """The choices with what is wrong with them, and no numbers."""
    return render(request, f"reports/{name}.html", _frame(form, name), status=400)


def _frame(form: ReportForm, name: str) -> dict[str, Any]:
    today = timezone.localdate()
    return {
        "form": form,
        "report": name,
        "last_month": last_months(today, 1),
        "last_year": last_months(today, 12),
    }


def _wants_file(request: HttpRequest) -> bool:
    return request.GET.get("format") == "csv"


def _currency(request: HttpRequest) -> str:
    return str(request.business.currency)  # type: ignore[attr-defined]
