"""What becomes of a patient."""

from __future__ import annotations

from lethe import Policy, RandomDigits, delete_rows, keep_rows, not_personal, register

from .models import Handover, Legacy, Patient, PatientView, Result, Stay, StayItem


@register(Patient)
class PatientPolicy(Policy):
    subject = True
    replace = {"name": "[deleted]", "code": RandomDigits(18)}


@register(Result)
class ResultPolicy(Policy):
    path = "patient"
    rows = delete_rows()


@register(Stay)
class StayPolicy(Policy):
    path = "patient"
    rows = keep_rows("stays are counted by ward")
    clear = ("remark",)
    keep = {("number", "ward"): "stays are counted by ward"}


@register(StayItem)
class StayItemPolicy(Policy):
    path = "stay__patient"
    rows = delete_rows()


@register(Handover)
class HandoverPolicy(Policy):
    unlink = {"patient": ("told",)}


@register(Legacy)
class LegacyPolicy(Policy):
    path = "patient"
    rows = delete_rows()


@register(PatientView)
class PatientViewPolicy(Policy):
    rows = not_personal("a view holds no rows; the table behind it is erased")
