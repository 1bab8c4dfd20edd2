"""Audits about the client go; on others' rows the client, where they were the actor, is cleared (row F8)."""

from __future__ import annotations

from clubhouse.audits.models import LogEntry
from lethe import Policy, delete_rows, register


@register(LogEntry)
class LogEntryPolicy(Policy):
    """Old and new values, of rows that still stand and of rows long deleted."""

    path = ("client", "other")
    rows = delete_rows()
    unlink = {"actor": ("actor_email", "remote_addr", "remote_port")}
