"""What the club tells its staff and its clients.

A message refers to people and sessions by key and shows a name only when it is read, so that an erased person's name is
in no message.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class Notification(models.Model):
    """A line in a colleague's inbox."""

    class Kind(models.TextChoices):
        BOOKING_CANCELLED = "booking_cancelled", gettext_lazy("A booking was cancelled")
        APPOINTMENT_CANCELLED = "appointment_cancelled", gettext_lazy("An appointment was cancelled")
        NEEDS_PAYER = "needs_payer", gettext_lazy("A client needs a new payer")
        NEEDS_GUARDIAN = "needs_guardian", gettext_lazy("A client needs a guardian")
        NOT_DONE_OUTSIDE = "not_done_outside", gettext_lazy("Something outside has not been done for a day")
        RESIDUE_FOUND = "residue_found", gettext_lazy("Somebody who was deleted is still named here")

    recipient = models.ForeignKey("team.StaffMember", on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=30, choices=Kind.choices)
    session = models.ForeignKey(
        "schedule.Session", on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    client = models.ForeignKey(
        "clients.Client", on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    places = models.PositiveIntegerField(default=0, help_text="How many places became free.")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the mail server took the recipient's mail; not mailed again.",
    )
    mail_key = models.CharField(
        max_length=32,
        blank=True,
        help_text="Which digest the line is in, from before its first try on: a digest that is sent again is the same.",
    )
    mailing_since = models.DateTimeField(
        null=True, blank=True, help_text="When a worker took the digest in hand; empty while nobody has."
    )

    class Meta:
        indexes = [models.Index(fields=["recipient", "read_at", "-created_at"], name="inbox")]

    def __str__(self) -> str:
        return f"Notification {self.pk}"

    def get_kind_display(self) -> str:  # type: ignore[no-redef]  # Django makes one where a model has none
        """What happened, in words: a session that was cancelled whole is a class or an appointment."""
        if self.kind == self.Kind.APPOINTMENT_CANCELLED and self.session and self.session.kind == "class":
            return _("A class was cancelled")
        return str(dict(self.Kind.choices).get(self.kind, self.kind))


class HandOver(models.Model):
    """A mail to a client that is being handed over at this moment. While there is one, no erasure of theirs commits.

    It takes the place of a lock, for which a transaction would have to stay open while a mail server thinks.
    """

    client = models.ForeignKey("clients.Client", on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()

    class Meta:
        verbose_name = gettext_lazy("mail on its way")
        verbose_name_plural = gettext_lazy("mails on their way")

    def __str__(self) -> str:
        return f"Hand-over {self.pk}"


class ClientMessage(models.Model):
    """A mail or push to a client, queued or sent; what is still queued when the client is erased never leaves."""

    class Kind(models.TextChoices):
        PLACE_GIVEN = "place_given", gettext_lazy("You have a place")
        PLACE_OFFERED = "place_offered", gettext_lazy("A place is free for you")
        BOOKING_CANCELLED = "booking_cancelled", gettext_lazy("Your booking was cancelled")
        MOVED = "moved", gettext_lazy("Your class was changed")
        WAITING_ENDED = "waiting_ended", gettext_lazy("A class you were waiting for was cancelled")
        REMINDER = "reminder", gettext_lazy("Your class is coming up")
        RECEIPT = "receipt", gettext_lazy("Your receipt")

    class Channel(models.TextChoices):
        MAIL = "mail", gettext_lazy("Mail")
        PUSH = "push", gettext_lazy("Push")

    client = models.ForeignKey("clients.Client", on_delete=models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=5, choices=Channel.choices, default=Channel.MAIL)
    kind = models.CharField(max_length=30, choices=Kind.choices)
    session = models.ForeignKey(
        "schedule.Session", on_delete=models.CASCADE, null=True, blank=True, related_name="client_messages"
    )
    send_after = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Until when a worker has it in hand, or it rests after a failure.",
    )
    attempts = models.PositiveIntegerField(default=0)
    was = models.JSONField(
        "what was known before",
        default=dict,
        blank=True,
        help_text="Of a session that was changed: start, minutes and the trainer's key as the client knows them.",
    )

    class Meta:
        indexes = [models.Index("sent_at", "send_after", name="messages_to_send")]

    def __str__(self) -> str:
        return f"Message {self.pk}"

    def get_kind_display(self) -> str:  # type: ignore[no-redef]  # Django makes one where a model has none
        """What happened, in words: a session is a class or an appointment."""
        if self.session and self.session.kind == "appointment":
            if self.kind == self.Kind.MOVED:
                return _("Your appointment was changed")
            if self.kind == self.Kind.WAITING_ENDED:
                return _("An appointment you were waiting for was cancelled")
        return str(dict(self.Kind.choices).get(self.kind, self.kind))
