"""Team settings > Embed: the web sites that may frame the schedule, and the snippet to paste there."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts.permissions import administrator_required
from clubhouse.embed import services
from clubhouse.embed.models import EmbedSite


class SiteForm(forms.Form):
    """One web site."""

    address = forms.CharField(
        label=gettext_lazy("Web site"),
        max_length=300,
        help_text=gettext_lazy("Such as https://www.example.com. Every page of that site may show the schedule."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocapitalize": "none", "spellcheck": "false"}),
    )


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def sites(request: HttpRequest) -> HttpResponse:
    """The sites, a new one, and the snippet."""
    business = request.business  # type: ignore[attr-defined]
    form = SiteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_site(business, form.cleaned_data["address"])
        except ValidationError as error:
            form.add_error("address", error)
        else:
            messages.success(request, _("The site was listed. It works with the next page that is opened there."))
            return redirect("embeds:sites")
    embed = services.embed_of(business)
    address = request.build_absolute_uri(reverse("embed:show", args=[embed.public_id]))
    context = {
        "form": form,
        "sites": list(embed.sites.order_by("origin")),
        "snippet": render_to_string("embed/snippet.html", {"address": address, "name": business.name}).strip(),
        "address": address,
    }
    return render(request, "embed/sites.html", context, status=422 if request.method == "POST" else 200)


@administrator_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a site off the list."""
    services.remove_site(get_object_or_404(EmbedSite, pk=pk, embed__business=request.business))  # type: ignore[attr-defined]
    messages.success(request, _("The site was removed. Browsers show the schedule there no more."))
    return redirect("embeds:sites")
