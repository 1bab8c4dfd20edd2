"""Keys, columns and tables that are not as Django makes them by itself."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Left

CASCADE = models.CASCADE


class Patient(models.Model):
    """A UUID key, names of columns that need quotes, and a column that the database computes."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=60, db_column="Full Name")
    code = models.CharField(max_length=64, unique=True, db_column="order")
    initial = models.GeneratedField(
        expression=Left("name", 1), output_field=models.CharField(max_length=1), db_persist=True
    )

    class Meta:
        db_table = "Patient Table"

    def __str__(self) -> str:
        return f"patient {self.pk}"


class Result(models.Model):
    """Refers to a column that is not the key."""

    patient = models.ForeignKey(Patient, CASCADE, to_field="code", db_column="patient code")
    finding = models.TextField()


class Stay(models.Model):
    """A key of two columns; kept."""

    pk = models.CompositePrimaryKey("patient", "number")
    patient = models.ForeignKey(Patient, CASCADE)
    number = models.IntegerField()
    ward = models.CharField(max_length=20)
    remark = models.CharField(max_length=60, blank=True)


class Handover(models.Model):
    """A key of two columns on rows that are somebody else's."""

    pk = models.CompositePrimaryKey("ward", "day")
    ward = models.CharField(max_length=20)
    day = models.DateField()
    patient = models.ForeignKey(Patient, models.SET_NULL, null=True)
    told = models.CharField(max_length=60, blank=True)


class StayItem(models.Model):
    """A foreign key of two columns."""

    patient_key = models.UUIDField()
    stay_number = models.IntegerField()
    stay = models.ForeignObject(
        Stay, CASCADE, from_fields=("patient_key", "stay_number"), to_fields=("patient", "number")
    )
    what = models.CharField(max_length=60)

    class Meta:
        indexes = [models.Index(fields=["patient_key", "stay_number"], name="item_stay")]


class Legacy(models.Model):
    """A table that Django does not make."""

    patient = models.ForeignKey(Patient, models.DO_NOTHING, db_column="pid", null=True)
    memo = models.TextField()

    class Meta:
        managed = False
        db_table = "legacy_memo"


class PatientView(models.Model):
    """A view: it can be read, and nothing needs to be erased in it."""

    patient = models.OneToOneField(Patient, models.DO_NOTHING, primary_key=True, db_column="patient")
    name = models.CharField(max_length=60)

    class Meta:
        managed = False
        db_table = "patient_view"
