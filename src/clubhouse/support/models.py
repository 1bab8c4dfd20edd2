"""Requests to delete a client, from businesses without an administrator account (row F4).

A request holds what was typed only while it is open. Whichever way it ends, the details and the screenshot go; what
stays is the record of its steps, which says who by role, when and what, and of nobody whom it was about.
"""

from __future__ import annotations

import secrets
import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def opaque_key(instance: object, filename: str) -> str:
    """A storage key that says nothing of the person, of the business, or of the file's own name."""
    return f"support/{secrets.token_hex(16)}.png"


def case_number() -> str:
    """A number to name a request by: on the telephone, in a mail. It says nothing."""
    return f"S{secrets.randbelow(9_000_000) + 1_000_000}"


class Case(models.Model):
    """One request. ``client`` is the record with the id that was typed, ``addressed`` the one with the e-mail address;
    both are there so that an erasure of either finds the request."""

    class State(models.TextChoices):
        OPEN = "open", _("Waits for the operator")
        OPENED = "opened", _("The deletion is opened")
        ANSWERED = "answered", _("Details do not match")
        DELETED = "deleted", _("The client is deleted")
        REFUSED = "refused", _("Closed without a deletion")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        EXPIRED = "expired", _("Ran out")

    #: States in which the request holds what was typed.
    LIVE = (State.OPEN, State.OPENED, State.ANSWERED)

    business = models.ForeignKey("accounts.Business", on_delete=models.CASCADE, related_name="support_cases")
    number = models.CharField(max_length=10, unique=True, default=case_number)
    form = models.UUIDField(default=uuid.uuid4, unique=True, help_text="The form it was sent with, sent once.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    moved_at = models.DateTimeField(default=timezone.now, help_text="When its last step was.")
    receipt = models.CharField(max_length=23, blank=True, help_text="The number of the erasure's receipt.")

    typed_name = models.CharField(max_length=601, blank=True)
    typed_email = models.CharField(max_length=254, blank=True)
    typed_id = models.CharField(max_length=40, blank=True)
    screenshot = models.ImageField(upload_to=opaque_key, max_length=120, blank=True)
    client = models.ForeignKey(
        "clients.Client", on_delete=models.SET_NULL, null=True, blank=True, related_name="support_cases"
    )
    addressed = models.ForeignKey(
        "clients.Client", on_delete=models.SET_NULL, null=True, blank=True, related_name="support_cases_by_address"
    )

    class Meta:
        verbose_name = _("support request")
        verbose_name_plural = _("support requests")
        indexes = [models.Index("state", "moved_at", name="support_case_queue")]

    def __str__(self) -> str:
        return self.number

    @property
    def is_live(self) -> bool:
        """Whether it is not closed yet."""
        return self.state in self.LIVE


class CaseStep(models.Model):
    """One line of a request's record: who by role, when, and what. Never whom it was about."""

    class Kind(models.TextChoices):
        SENT = "sent", _("The request was sent")
        CORRECTED = "corrected", _("The details were sent again")
        OPENED = "opened", _("All details matched, and the deletion was opened")
        ASKED = "asked", _("The details did not match, and were asked for again")
        REFUSED = "refused", _("Closed without a deletion")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        DELETED = "deleted", _("The client was deleted")
        EXPIRED = "expired", _("Closed, because nothing had happened for 30 days")

    class Role(models.TextChoices):
        COLLEAGUE = "colleague", _("A colleague of the business")
        OPERATOR = "operator", _("The operator")
        ELSEWHERE = "elsewhere", _("Another way of deleting")
        SYSTEM = "system", _("By itself")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    role = models.CharField(max_length=10, choices=Role.choices)
    by = models.CharField(max_length=40, blank=True, help_text="The account, as an opaque key.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("step of a support request")
        verbose_name_plural = _("steps of support requests")

    def __str__(self) -> str:
        return f"Step {self.pk}"
