"""Reading the team: groups with the number of colleagues, colleagues with their sign-in."""

from __future__ import annotations

from django.db.models import Count, QuerySet
from django.db.models.functions import Lower
from django.shortcuts import get_object_or_404

from clubhouse.accounts.models import Business
from clubhouse.team.models import AccessGroup, StaffMember


def access_holders(business: int) -> QuerySet[StaffMember]:
    """Those who can change Team Access Groups: administrators by role and group, with Access, who can sign in."""
    return StaffMember.objects.filter(
        business_id=business,
        role=StaffMember.Role.ADMINISTRATOR,
        access_group__account_type=AccessGroup.AccountType.ADMINISTRATOR,
        access_group__access=True,
        user__is_active=True,
    )


def groups(business: Business) -> QuerySet[AccessGroup]:
    """The Team Access Groups, annotated ``colleagues``, administrators' first."""
    found = AccessGroup.objects.filter(business=business).annotate(colleagues=Count("members"))
    return found.order_by("account_type", Lower("name"))


def members(business: Business) -> QuerySet[StaffMember]:
    """Every colleague with sign-in, group and club, those who can sign in first: one query."""
    found = StaffMember.objects.filter(business=business).select_related("user", "access_group", "club")
    return found.order_by("-user__is_active", Lower("name"), "pk")


def find_group(business: Business, pk: int) -> AccessGroup:
    """One group of the business. Raises ``Http404`` for another's."""
    return get_object_or_404(AccessGroup, business=business, pk=pk)


def find_member(business: Business, pk: int) -> StaffMember:
    """One colleague of the business. Raises ``Http404`` for another's."""
    return get_object_or_404(members(business), pk=pk)
