"""What a reader's desk keeps, with every change of it recorded twice."""

from __future__ import annotations

from auditlog.registry import auditlog
from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords


class Label(models.Model):
    """What parcels are sorted by."""

    name = models.CharField(max_length=40)

    def __str__(self) -> str:
        return f"Label {self.pk}"


class Parcel(models.Model):
    """Somebody's parcel; somebody else may have packed it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    packer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    street = models.CharField(max_length=80)
    labels = models.ManyToManyField(Label)
    history = HistoricalRecords(m2m_fields=[labels])

    def __str__(self) -> str:
        return f"Parcel to {self.street}"


class Stamp(models.Model):
    """Stuck on a parcel: two steps from its owner."""

    parcel = models.ForeignKey(Parcel, models.CASCADE)
    motto = models.CharField(max_length=80)
    history = HistoricalRecords()

    def __str__(self) -> str:
        return f"Stamp {self.pk}"


auditlog.register(Parcel)
auditlog.register(Stamp)
