"""The audits of the two documents: django-auditlog's entry, with the clients it is about in columns of its own.

An audit holds old and new values, and it outlives the row it is about: a note that was deleted last year still stands,
word for word, in its audits. By content type and key alone those could not be found again, so every entry says whose
it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.db import models

from lethe.models import ErasedMark


class AuditManager(LogEntryManager):
    """Fills in whose data an entry is about."""

    def log_create(self, instance: models.Model, force_log: bool = False, **kwargs: Any) -> Any:
        return super().log_create(instance, force_log, **{**about(instance, kwargs.get("changes")), **kwargs})

    def log_m2m_changes(
        self, changed_queryset: Any, instance: models.Model, operation: str, field_name: str, **kwargs: Any
    ) -> Any:
        return super().log_m2m_changes(
            changed_queryset, instance, operation, field_name, **{**about(instance), **kwargs}
        )


class LogEntry(AbstractLogEntry):
    """An audit: who changed what, and about which client it is."""

    client = models.ForeignKey("clients.Client", on_delete=models.CASCADE, null=True, related_name="audits")
    other = models.ForeignKey(
        "clients.Client",
        on_delete=models.CASCADE,
        null=True,
        related_name="audits_with_others",
        help_text="The second client of a tie between two.",
    )

    objects = AuditManager()

    class Meta(AbstractLogEntry.Meta):
        verbose_name = "audit"
        verbose_name_plural = "audits"

    def __str__(self) -> str:
        return f"Audit {self.pk}"


#: Fields by which a row of one client names another: who pays, who booked for a buddy.
TIES = ("paid_by", "booked_by")


def about(instance: models.Model, changes: Mapping[str, Any] | None = None) -> dict[str, int]:
    """The clients an instance is about, as columns of an entry; none who is erased, whose history has no name.

    ``changes`` are the entry's: where they say who pays or who booked, that client is the second one, so that the tie
    goes from the audits too when either is erased (row H15).
    """
    keys = {
        "client_id": instance.pk if instance._meta.label == "clients.Client" else getattr(instance, "client_id", None),
        "other_id": getattr(instance, "other_id", None) or _tied(changes or {}),
    }
    wanted = {name: key for name, key in keys.items() if key is not None}
    erased = set(
        ErasedMark.objects.filter(subject="clients.client", key__in=[str(key) for key in wanted.values()]).values_list(
            "key", flat=True
        )
    )
    return {name: key for name, key in wanted.items() if str(key) not in erased}


def _tied(changes: Mapping[str, Any]) -> int | None:
    """The client whom the changes name as the new one of a tie, or else as the one until now."""
    for name in TIES:
        for key in reversed(changes.get(name) or ()):
            if str(key).isdecimal():
                return int(key)
    return None
