"""A ready policy for ``django-auditlog``: import this module in an ``erasure.py`` of the project.

Audits about the subject's rows go, since they hold old and new values; where the subject's account was the actor on
somebody else's rows, the actor and the traces of the request are cleared.

What it cannot find: audits of rows that were deleted before the erasure, since nothing that exists leads to them. Keep
free text out of the audits of such models (``auditlog.register(Note, exclude_fields=["text"])``), or swap in an entry
that says whose it is.
"""

from __future__ import annotations

from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib.auth import get_user_model

from lethe.policy import Policy, delete_rows
from lethe.registry import registry


class LogEntryPolicy(Policy):
    """Rows are found by content type and key; only models that are audited are looked for."""

    by_key = ("content_type", "object_pk")
    by_key_models = staticmethod(lambda: auditlog.get_models())
    rows = delete_rows()


def install() -> None:
    """Register the policy; the actor is cleared where the project's accounts belong to the subject."""
    policy = LogEntryPolicy
    account = registry.get(get_user_model())
    if account is not None and account.paths():
        traces = ("actor_email", "remote_addr", "remote_port", "additional_data")
        names = {field.name for field in LogEntry._meta.concrete_fields}
        policy = type(
            "LogEntryPolicy", (LogEntryPolicy,), {"unlink": {"actor": tuple(n for n in traces if n in names)}}
        )
    if LogEntry not in registry:
        registry.register(LogEntry, policy)
