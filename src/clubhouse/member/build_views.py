"""Team settings > Member App: the builds of a business, for its administrators (row F2)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.permissions import administrator_required
from clubhouse.member.models import AppBuild
from clubhouse.member.services import remove_build, save_build
from clubhouse.typed import ModelForm


class BuildForm(ModelForm[AppBuild]):
    """A build: its name, its address, and what it can do. Sign-up without deletion is refused with the reason."""

    class Meta:
        model = AppBuild
        fields = ("name", "slug", "sign_up", "account_deletion")
        labels = {"slug": _("Address")}
        widgets = {"slug": forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"})}

    def clean_slug(self) -> str:
        """Lower case: an address is read out."""
        slug: str = self.cleaned_data["slug"].lower()
        return slug


@administrator_required
@require_safe
def builds(request: HttpRequest) -> HttpResponse:
    """Every build, and what it can do."""
    found = AppBuild.objects.filter(business=request.business).order_by("name", "pk")  # type: ignore[attr-defined]
    return render(request, "team/builds.html", {"builds": found})


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Add a build."""
    blank = AppBuild(business=request.business, account_deletion=True)  # type: ignore[attr-defined]
    return _form(request, blank, gettext("The build was added."))


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a build; it works with the next request."""
    return _form(request, _mine(request, pk), gettext("The build was saved."))


@administrator_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a build away. No account is touched by it."""
    remove_build(_mine(request, pk))
    messages.success(request, gettext("The build was removed. Its address is no longer served."))
    return redirect("builds:list")


def _mine(request: HttpRequest, pk: int) -> AppBuild:
    return get_object_or_404(AppBuild, pk=pk, business=request.business)  # type: ignore[attr-defined]


def _form(request: HttpRequest, build: AppBuild, said: str) -> HttpResponse:
    form = BuildForm(request.POST or None, instance=build)
    if request.method == "POST" and form.is_valid():
        try:
            save_build(form.instance)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, said)
            return redirect("builds:list")
    context: dict[str, Any] = {"form": form, "build": build if build.pk else None}
    return render(request, "team/build.html", context, status=422 if form.is_bound else 200)
