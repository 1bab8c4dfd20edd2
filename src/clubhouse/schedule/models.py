"""Clubs, what happens in them and when, and who comes."""

from __future__ import annotations

import datetime

from auditlog.registry import auditlog
from django.db import models
from django.utils.translation import gettext_lazy as _


class Club(models.Model):
    """One place of a business, with a time zone of its own."""

    business = models.ForeignKey("accounts.Business", on_delete=models.PROTECT, related_name="clubs")
    name = models.CharField(max_length=120)
    timezone = models.CharField(max_length=64, default="Europe/London")
    town = models.CharField(max_length=100, blank=True)
    reference = models.CharField(max_length=40, blank=True, help_text="The id in the system the club came from.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "business", "reference", condition=~models.Q(reference=""), name="club_reference_once_per_business"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Series(models.Model):
    """Sessions that repeat: cancelling one of a one-to-one series for good cancels the later ones too."""

    club = models.ForeignKey(Club, on_delete=models.PROTECT, related_name="series")
    title = models.CharField(max_length=120)

    class Meta:
        verbose_name_plural = "series"

    def __str__(self) -> str:
        return f"Series {self.pk}"


class Session(models.Model):
    """A class or a one-to-one appointment."""

    class Kind(models.TextChoices):
        CLASS = "class", _("Class")
        APPOINTMENT = "appointment", _("Appointment")

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", _("Scheduled")
        CONDUCTED = "conducted", _("Conducted")
        CANCELLED = "cancelled", _("Cancelled")

    club = models.ForeignKey(Club, on_delete=models.PROTECT, related_name="sessions")
    series = models.ForeignKey(Series, on_delete=models.SET_NULL, null=True, blank=True, related_name="sessions")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.CLASS)
    title = models.CharField(max_length=120)
    trainer = models.ForeignKey(
        "team.StaffMember", on_delete=models.PROTECT, null=True, blank=True, related_name="sessions"
    )
    starts_at = models.DateTimeField()
    minutes = models.PositiveIntegerField(default=60)
    capacity = models.PositiveIntegerField(default=12)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SCHEDULED)
    reference = models.CharField(max_length=40, blank=True, help_text="The id in the system the club came from.")

    class Meta:
        indexes = [
            models.Index("club", "starts_at", name="session_by_club_and_day"),
            models.Index("trainer", "starts_at", name="session_by_trainer"),
        ]
        constraints = [
            models.UniqueConstraint(
                "club", "reference", condition=~models.Q(reference=""), name="session_reference_once_per_club"
            )
        ]

    def __str__(self) -> str:
        return f"Session {self.pk}"

    @property
    def ends_at(self) -> datetime.datetime:
        """When the session is over."""
        return self.starts_at + datetime.timedelta(minutes=self.minutes)


class Booking(models.Model):
    """A client's place in a session."""

    class Status(models.TextChoices):
        BOOKED = "booked", _("Booked")
        ATTENDED = "attended", _("Attended")
        NO_SHOW = "no_show", _("No-show")
        CANCELLED = "cancelled", _("Cancelled")
        LATE_CANCELLED = "late_cancelled", _("Late cancelled")

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="bookings")
    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="bookings")
    booked_by = models.ForeignKey(
        "clients.Client",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="buddy_bookings",
        help_text="The friend who booked this place (Book a Buddy); empty where the client booked it.",
    )
    package = models.ForeignKey(
        "memberships.Package",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="bookings",
        help_text="The package whose credit this place uses; a cancellation in time gives it back.",
    )
    status = models.CharField(max_length=15, choices=Status.choices, default=Status.BOOKED)
    booked_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)
    reference = models.CharField(max_length=40, blank=True, help_text="The id in the system the club came from.")

    class Meta:
        indexes = [models.Index("session", "status", name="booking_by_session")]
        constraints = [
            models.UniqueConstraint(
                "session", "client", condition=models.Q(status="booked"), name="one_live_booking_per_session"
            )
        ]

    def __str__(self) -> str:
        return f"Booking {self.pk}"


class WaitingListEntry(models.Model):
    """A client who waits for a place; while ``offered_until`` lies ahead, a freed place is theirs to take."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="waiting_list")
    client = models.ForeignKey("clients.Client", on_delete=models.CASCADE, related_name="waiting_list_entries")
    joined_at = models.DateTimeField()
    offered_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "waiting list entries"
        constraints = [models.UniqueConstraint("session", "client", name="waits_once_per_session")]

    def __str__(self) -> str:
        return f"Waiting list entry {self.pk}"


auditlog.register(Booking)
