"""What the desk has to settle for a client, because somebody else was forgotten.

A task refers to its client by key; the name is shown when the list is read, so that an erased person's is in no task.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Task(models.Model):
    """A client lost a payer or a guardian; done by another one, by hand, or when nothing is left to settle."""

    class Kind(models.TextChoices):
        NEEDS_PAYER = "needs_payer", _("Needs a new payer")
        NEEDS_GUARDIAN = "needs_guardian", _("Needs a guardian")

    kind = models.CharField(max_length=20, choices=Kind.choices)
    client = models.ForeignKey("clients.Client", on_delete=models.CASCADE, related_name="tasks")
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        "team.StaffMember", on_delete=models.SET_NULL, null=True, blank=True, related_name="tasks_done"
    )

    class Meta:
        # Two erasures at once may each make one: the list shows the earlier, and both are ticked off together. Were it
        # unique, the second erasure would fail for it.
        indexes = [models.Index("kind", "created_at", condition=models.Q(done_at=None), name="tasks_open")]

    def __str__(self) -> str:
        return f"Task {self.pk}"
