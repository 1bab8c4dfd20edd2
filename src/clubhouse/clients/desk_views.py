"""A client's linkings, notes, trainers and picture, changed from the profile."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts.permissions import needs
from clubhouse.billing.once import key_of
from clubhouse.clients import linkings, notes, pictures, selectors
from clubhouse.clients.models import Client, ClientNote, ClientTrainer
from clubhouse.clients.services import ErasedClientError, refuse_erased
from clubhouse.clients.views import query_of
from clubhouse.imports.photos import LARGEST_FILE
from clubhouse.settle import Unclear, settle

#: How many clients a search for the other side of a linking shows.
FOUND = 20
NOT_YOURS = gettext_lazy("Only who wrote a note, or an administrator, can change it.")


class CropForm(forms.Form):
    """Where the square lies. Numbers that work without a script."""

    size = forms.IntegerField(
        label=gettext_lazy("Size of the square, in percent of the shorter edge"), min_value=10, max_value=100
    )
    left = forms.IntegerField(label=gettext_lazy("From the left, in percent of the room"), min_value=0, max_value=100)
    top = forms.IntegerField(label=gettext_lazy("From the top, in percent of the room"), min_value=0, max_value=100)


# --- linkings ---------------------------------------------------------------------------------------------------------
@needs("contacts")
@require_http_methods(["GET", "HEAD", "POST"])
def add_linking(request: HttpRequest, pk: int) -> HttpResponse:
    """Tie a client to another one: search, choose, say how. Works from either side."""
    client = _live(request, pk)
    if client is None:
        return redirect("clients:profile", pk)
    query, side = query_of(request), request.POST.get("side", request.GET.get("side", ""))
    error = ""
    if request.method == "POST":
        error = _add_linking(request, client, side)
        if not error:
            return redirect(reverse("clients:profile", args=[client.pk]) + "#linkings")
        query = request.POST.get("q", "")[:200].replace("\x00", "").strip()
    rows = selectors.search(request.staff, query).exclude(pk=client.pk) if query else None  # type: ignore[attr-defined]
    found = list(rows[: FOUND + 1]) if rows is not None else []
    context = {
        "client": client,
        "query": query,
        "side": side,
        "sides": [(name, words) for name, (_side, words) in linkings.SIDES.items()],
        "found": found[:FOUND],
        "more": len(found) > FOUND,
        "error": error,
    }
    return render(request, "clients/add_linking.html", context, status=422 if error else 200)


def _add_linking(request: HttpRequest, client: Client, side: str) -> str:
    """Do it; returns what is wrong, or "" where it is done."""
    typed = request.POST.get("other", "")
    if side not in linkings.SIDES:
        return _("Choose how the two are linked.")
    if not typed.isdecimal() or len(typed) > 18:
        return _("Choose the other client from the list.")
    other = selectors.visible(request.staff).filter(pk=typed).exclude(pk=client.pk).first()  # type: ignore[attr-defined]
    if other is None:
        return _("This client is not there any more. Search again.")
    try:
        new = linkings.add_linking(client, other, side)
    except ErasedClientError as error:
        return str(error)
    if new:
        messages.success(request, _("The linking was added."))
    else:
        messages.info(request, _("The two were linked so already; nothing was changed."))
    return ""


# --- notes ------------------------------------------------------------------------------------------------------------
@needs("contacts")
@require_POST
def add_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a note."""

    def act(client: Client) -> str:
        text, key = _text(request), key_of(request)
        if not key:
            raise Unclear(_("This form was too old. Write the note again."))
        if not notes.add_note(client, request.staff, text, once_key=key):  # type: ignore[attr-defined]
            raise Unclear(_("The note was written already; nothing was written a second time."))
        return _("The note was added.")

    return settle(request, pk, "notes", act)


@needs("contacts")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a note: for who wrote it, and for administrators."""
    note = _note(request, pk)
    if request.method == "POST":

        def act(client: Client) -> str:
            notes.change_note(note, _text(request), now=timezone.now())
            return _("The note was changed.")

        return settle(request, note.client_id, "notes", act)
    return render(request, "clients/edit_note.html", {"client": note.client, "note": note})


@needs("contacts")
@require_POST
def delete_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a note: for who wrote it, and for administrators."""
    note = _note(request, pk)

    def act(client: Client) -> str:
        notes.delete_note(note)
        return _("The note was deleted.")

    return settle(request, note.client_id, "notes", act)


def _note(request: HttpRequest, pk: int) -> ClientNote:
    staff = request.staff  # type: ignore[attr-defined]
    reach = selectors.visible(staff)
    note = ClientNote.objects.select_related("client").filter(pk=pk, client__in=reach).first()
    if note is None:
        raise Http404
    if not notes.may_change(staff, note):
        raise PermissionDenied(NOT_YOURS)
    return note


def _text(request: HttpRequest) -> str:
    text = request.POST.get("text", "").replace("\x00", "").strip()
    if not text:
        raise Unclear(_("The note is empty. Write something first."))
    if len(text) > notes.LONGEST:
        words = _("The note is too long by %(over)s characters. Make it shorter; nothing was changed.")
        raise Unclear(words % {"over": len(text) - notes.LONGEST})
    return text


# --- trainers ---------------------------------------------------------------------------------------------------------
@needs("contacts")
@require_POST
def add_trainer(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a trainer of the business look after a client."""

    def act(client: Client) -> str:
        typed = request.POST.get("trainer", "")
        key = int(typed) if typed.isdecimal() and len(typed) < 19 else 0
        trainer = selectors.trainers(request.staff).filter(pk=key).first()  # type: ignore[attr-defined]
        if trainer is None:
            raise Unclear(_("Choose a trainer from the list; nothing was changed."))
        if not notes.add_trainer(client, trainer):
            raise Unclear(_("%(trainer)s looks after this client already.") % {"trainer": trainer.name})
        return _("%(trainer)s looks after this client.") % {"trainer": trainer.name}

    return settle(request, pk, "trainers", act)


@needs("contacts")
@require_POST
def remove_trainer(request: HttpRequest, pk: int) -> HttpResponse:
    """End that a trainer looks after a client."""
    reach = selectors.visible(request.staff)  # type: ignore[attr-defined]
    link = get_object_or_404(ClientTrainer.objects.select_related("client", "trainer"), pk=pk, client__in=reach)
    name = link.trainer.name

    def act(client: Client) -> str:
        notes.remove_trainer(link)
        return _("%(trainer)s no longer looks after this client.") % {"trainer": name}

    return settle(request, link.client_id, "trainers", act)


# --- the picture ------------------------------------------------------------------------------------------------------
@needs("contacts")
@require_http_methods(["GET", "HEAD", "POST"])
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """A client's picture: upload or replace, cut to a square, remove. ``do`` says which."""
    client = _live(request, pk)
    if client is None:
        return redirect("clients:profile", pk)
    image = selectors.image_of(client)
    crop = CropForm(initial=dict(zip(("left", "top", "size"), pictures.CENTRED, strict=True)))
    error, do = "", request.POST.get("do", "")
    if request.method == "POST":
        crop = CropForm(request.POST) if do == "crop" else crop
        try:
            said = "" if do == "crop" and not crop.is_valid() else _change(request, client, do, crop)
        except (pictures.BadPicture, ErasedClientError, Unclear) as problem:
            error, said = str(problem), ""
        if said:
            messages.success(request, said)
            return redirect("clients:picture", client.pk)
    context: dict[str, Any] = {"client": client, "image": image, "crop": crop, "error": error}
    return render(request, "clients/picture.html", context, status=422 if request.method == "POST" else 200)


def _change(request: HttpRequest, client: Client, do: str, crop: CropForm) -> str:
    if do == "upload":
        file = request.FILES.get("file")
        if file is None:
            raise Unclear(_("Choose a file first."))
        if file.size is None or file.size > LARGEST_FILE:
            raise pictures.BadPicture(_("This file is larger than 20 MB. Make it smaller, or choose another."))
        pictures.set_picture(client, file.read())
        return _("The picture was stored.")
    if do == "crop":
        values = crop.cleaned_data
        if not pictures.crop_picture(client, values["left"], values["top"], values["size"]):
            raise Unclear(_("There is no picture to cut. Upload one first."))
        return _("The picture was cut.")
    if do == "remove":
        removed = pictures.remove_pictures(client)
        return _("The picture was removed.") if removed else _("There was no picture any more.")
    raise Unclear(_("Choose what to do with the picture."))


def _live(request: HttpRequest, pk: int) -> Client | None:
    """The client, or None with a message for a deleted one. Raises ``Http404`` for one who is not seen."""
    client = selectors.find(request.staff, pk)  # type: ignore[attr-defined]
    try:
        refuse_erased(client)
    except ErasedClientError as error:
        messages.error(request, str(error))
        return None
    return client
