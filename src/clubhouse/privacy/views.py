"""The screens over the engine: the result of an erasure, and how a business deletes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clubhouse.accounts.permissions import administrator_required, delete_accounts_required
from clubhouse.accounts.services import set_password_before_deletion
from clubhouse.clients import selectors as clients
from clubhouse.clients.models import Client
from clubhouse.privacy import selectors, services
from clubhouse.privacy.forms import PrivacySettingsForm
from clubhouse.privacy.outstanding import find as find_outstanding
from clubhouse.privacy.progress import progress as progress_of
from clubhouse.privacy.residue import residue as find_residue
from clubhouse.privacy.wording import rows_words, said, step_words, what_words
from lethe import pipeline
from lethe.explain import Entry
from lethe.models import Run


@administrator_required
@require_safe
def receipt(request: HttpRequest, number: str) -> HttpResponse:
    """What one erasure removed, what it kept and why, and how far its effects have come (rows P11, N4)."""
    found = selectors.receipt_of(request.business, number)  # type: ignore[attr-defined]
    return render(request, "privacy/receipt.html", {"result": selectors.result(found)})


@administrator_required
@require_safe
def find_receipt(request: HttpRequest) -> HttpResponse:
    """Look a receipt up by its number, as it is read out or typed: small letters, without dashes (row P11)."""
    business = request.business  # type: ignore[attr-defined]
    sought = request.GET.get("number", "").strip()[:40]
    if not sought:
        return redirect("privacy:settings")
    try:
        return redirect("privacy:receipt", selectors.receipt_of(business, selectors.as_number(sought)).number)
    except Http404:
        return _settings_page(request, PrivacySettingsForm(business=business), sought=sought, status=404)


@administrator_required
@require_safe
def progress(request: HttpRequest, number: str) -> HttpResponse:
    """The progress list alone. 204 where nothing is new, so that a screen reader is not told the same every second."""
    found = selectors.receipt_of(request.business, number)  # type: ignore[attr-defined]
    return progress_part(request, found.run, request.path)


def progress_part(request: HttpRequest, run: Run, address: str, **context: Any) -> HttpResponse:
    """What an open page asks for by itself, from ``address``."""
    state, seen = progress_of(run), request.GET.get("seen", "")
    if seen == state.token and not state.finished:
        return HttpResponse(status=204)
    told = {"progress": state, "progress_url": address, "told": state.tells(seen)}
    return render(request, "privacy/_progress.html", told | context)


@administrator_required
@require_safe
def already_deleted(request: HttpRequest) -> HttpResponse:
    """The answer to a second confirmation."""
    return render(request, "privacy/already_deleted.html")


@administrator_required
@require_safe
def explanation(request: HttpRequest) -> HttpResponse:
    """What a deletion removes, changes and keeps, from the policies themselves."""
    found = pipeline.explain(Client)
    parts = [
        (_("Settled first"), _("What a person resolves before, in the way “settle first”."), _spoken(found.blockers)),
        (_("Done first"), _("What the deletion itself resolves, where there is any."), _spoken(found.actions)),
        (
            _("Deleted"),
            _("Rows that go."),
            [replace(entry, title=step_words(entry.model, "delete", entry.title)) for entry in found.removed],
        ),
        (_("Changed for good"), _("Rows that stay, and what on them is emptied or replaced."), _spoken(found.changed)),
        (_("Untied from others"), _("Other people’s rows that named the client."), _spoken(found.unlinked)),
        (_("Kept, and why"), _("What is left, and says of nobody who it was."), _spoken(found.kept)),
    ]
    return render(request, "privacy/explanation.html", {"parts": parts})


def _spoken(entries: Iterable[Entry]) -> list[Entry]:
    """The engine's entries in the reader's language; what has no rows of its own kind goes by its label."""
    return [
        replace(
            entry,
            title=rows_words(entry.model, entry.title) if entry.what else said(entry.title),
            fields=tuple(said(name) for name in entry.fields),
            what=entry.what if entry.what == "kept" else what_words(entry.what),
            reason=said(entry.reason),
            until=said(entry.until),
        )
        for entry in entries
    ]


@delete_accounts_required
@require_safe
def residue(request: HttpRequest, pk: int) -> HttpResponse:
    """Free text of others that names the client: a part of the preview that arrives on its own (row N1)."""
    client = clients.find(request.staff, pk)  # type: ignore[attr-defined]
    found = find_residue(request.business, client)  # type: ignore[attr-defined]
    page = "privacy/_residue.html" if request.htmx else "privacy/residue.html"  # type: ignore[attr-defined]
    return render(request, page, {"client": client, "residue": found})


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """The business's own way."""
    business = request.business  # type: ignore[attr-defined]
    form = PrivacySettingsForm(request.POST or None, business=business)
    if request.method == "POST" and form.is_valid():
        services.save_settings(
            business,
            deletion_mode=form.cleaned_data["deletion_mode"],
            blocker_overrides=form.overrides(),
            email_domain=form.cleaned_data["email_domain"],
            show_deleted=form.cleaned_data["show_deleted"],
            prorate=form.cleaned_data["prorate"],
        )
        set_password_before_deletion(business, wanted=form.cleaned_data["ask_password"])
        messages.success(request, _("The privacy settings were saved. They apply to the next deletion."))
        return redirect("privacy:settings")
    return _settings_page(request, form, status=422 if form.is_bound else 200)


def _settings_page(request: HttpRequest, form: PrivacySettingsForm, *, sought: str = "", status: int) -> HttpResponse:
    found = find_outstanding(request.business)  # type: ignore[attr-defined]
    return render(
        request, "privacy/settings.html", {"form": form, "outstanding": found, "sought": sought}, status=status
    )
