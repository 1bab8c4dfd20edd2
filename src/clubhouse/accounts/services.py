"""Writes of a business's rules for sign-ins and deletions."""

from __future__ import annotations

from clubhouse.accounts.models import Business


def set_idle_limit(business: Business, *, minutes: int) -> None:
    """After how many minutes without use a colleague is signed out; 0 for no such limit."""
    Business.objects.filter(pk=business.pk).update(team_idle_minutes=minutes)


def set_password_before_deletion(business: Business, *, wanted: bool) -> None:
    """Whether an administrator enters the own password again right before a deletion."""
    Business.objects.filter(pk=business.pk).update(password_before_deletion=wanted)
