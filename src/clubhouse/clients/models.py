"""The client, who is the data subject, and what belongs to the client's profile.

No ``__str__`` here says who a person is: Django's logs, audits and error pages print it.
"""

from __future__ import annotations

import secrets

from auditlog.registry import auditlog
from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


def opaque_key(instance: object, filename: str) -> str:
    """A storage key that says nothing of the person: no name, no number, no original file name."""
    return f"clients/{secrets.token_hex(16)}.{filename.rsplit('.', 1)[-1].lower()[:5]}"


class Client(models.Model):  # type: ignore[django-manager-missing]  # an audit is of auditlog, which is untyped
    """A person the club knows. An erased client keeps this row, so that history adds up (row F5)."""

    class Status(models.TextChoices):
        LEAD = "lead", _("Lead")
        ACTIVE = "active", _("Active")
        INACTIVE = "inactive", _("Inactive")
        DELETED = "deleted", _("Deleted")

    business = models.ForeignKey("accounts.Business", on_delete=models.PROTECT, related_name="clients")
    number = models.CharField(max_length=40, help_text="The club's own id of the client; meaningless once erased.")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="client"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    joined_on = models.DateField()
    home_club = models.ForeignKey("schedule.Club", on_delete=models.PROTECT, related_name="clients")

    first_name = models.CharField(max_length=300)
    last_name = models.CharField(max_length=300, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    mobile_no = models.CharField(max_length=40, blank=True)
    mobile_device = models.CharField(max_length=80, blank=True)
    phone_no = models.CharField(max_length=40, blank=True)
    work_no = models.CharField(max_length=40, blank=True)
    address_1 = models.CharField(max_length=200, blank=True)
    address_2 = models.CharField(max_length=200, blank=True)
    address_3 = models.CharField(max_length=200, blank=True)
    town = models.CharField(max_length=100, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=60, blank=True)
    dob = models.DateField("date of birth", null=True, blank=True)
    gender = models.CharField(max_length=40, blank=True)
    occupation = models.CharField(max_length=120, blank=True)
    facebook_id = models.CharField(max_length=64, blank=True)
    height = models.CharField(max_length=20, blank=True)
    weight = models.CharField(max_length=20, blank=True)
    measurement1 = models.CharField(max_length=20, blank=True)
    measurement2 = models.CharField(max_length=20, blank=True)
    measurement3 = models.CharField(max_length=20, blank=True)
    measurement4 = models.CharField(max_length=20, blank=True)
    measurement5 = models.CharField(max_length=20, blank=True)
    measurement6 = models.CharField(max_length=20, blank=True)
    medical_notes = models.TextField("medical information", blank=True)
    notes = models.TextField(blank=True)
    tags = models.JSONField(default=list, blank=True)
    sign_up_answers = models.JSONField(default=dict, blank=True)
    marketing_opt_in = models.BooleanField(default=False)
    search_text = models.TextField(
        blank=True, editable=False, help_text="Folded names, addresses and digits, for the search field."
    )
    trainers = models.ManyToManyField("team.StaffMember", through="ClientTrainer", related_name="trained_clients")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "business", "number", condition=~models.Q(status="deleted"), name="client_number_once_per_business"
            ),
            models.UniqueConstraint(
                "business", Lower("email"), condition=~models.Q(email=""), name="client_email_once_per_business"
            ),
        ]
        indexes = [models.Index("business", "status", "last_name", name="client_list")]

    def __str__(self) -> str:
        return f"Client {self.pk}"

    @property
    def is_erased(self) -> bool:
        """Whether this record has been anonymised; such a record is read-only everywhere (row H18)."""
        return self.status == self.Status.DELETED

    @property
    def display_name(self) -> str:
        """What a screen shows: the name, or ``[deleted]`` with the number that tells two such rows apart."""
        if self.is_erased:
            return f"[deleted] #{self.number}"
        return f"{self.first_name} {self.last_name}".strip()


class ClientTrainer(models.Model):
    """A trainer who looks after a client (``client_trainers`` in the documents)."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="client_trainers")
    trainer = models.ForeignKey("team.StaffMember", on_delete=models.CASCADE, related_name="client_trainers")

    class Meta:
        constraints = [models.UniqueConstraint("client", "trainer", name="client_trainer_once")]

    def __str__(self) -> str:
        return f"Trainer link {self.pk}"


class ClientLinking(models.Model):
    """A tie between two clients (``client_linkings`` in the documents).

    ``client`` is the one who is paid for, booked for, looked after; ``other`` pays, is the buddy, is the guardian.
    """

    class Kind(models.TextChoices):
        BUDDY = "buddy", _("Book a Buddy")
        PAID_BY = "paid_by", _("Paid By")
        FAMILY = "family", _("Family")
        GUARDIAN = "guardian", _("Guardian")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="linkings")
    other = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="linkings_from_others")

    class Meta:
        constraints = [
            models.UniqueConstraint("kind", "client", "other", name="client_linking_once"),
            models.CheckConstraint(condition=~models.Q(client=models.F("other")), name="client_linking_not_to_self"),
        ]

    def __str__(self) -> str:
        return f"Linking {self.pk}"


class Identity(models.Model):
    """A social sign-in (``identities_bases`` in the documents)."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="identities")
    provider = models.CharField(max_length=30)
    subject = models.CharField(max_length=255)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [models.UniqueConstraint("client", "provider", "subject", name="identity_once_per_client")]
        indexes = [models.Index("provider", "subject", name="identity_sign_in")]

    def __str__(self) -> str:
        return f"Identity {self.pk}"


class ProfileImage(models.Model):
    """A profile picture: the original and its resized copies, under keys that say nothing."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="images")
    original = models.ImageField(upload_to=opaque_key, max_length=120)
    medium = models.ImageField(upload_to=opaque_key, max_length=120, blank=True)
    thumbnail = models.ImageField(upload_to=opaque_key, max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Profile image {self.pk}"


class ClientNote(models.Model):
    """What a colleague wrote about a client."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="client_notes")
    author = models.ForeignKey("team.StaffMember", on_delete=models.SET_NULL, null=True, related_name="written_notes")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    once_key = models.CharField(
        max_length=32, null=True, blank=True, unique=True, help_text="Drawn with the form: it is written once."
    )

    def __str__(self) -> str:
        return f"Note {self.pk}"


auditlog.register(Client, exclude_fields=["search_text"])
auditlog.register(ClientLinking)
auditlog.register(ClientNote, exclude_fields=["once_key"])
