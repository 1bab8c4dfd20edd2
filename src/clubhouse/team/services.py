"""Writes of Team settings. A business always keeps somebody who can change its Team Access Groups (row H19)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from clubhouse.accounts.models import Business, Session, User
from clubhouse.schedule.models import Club
from clubhouse.team.models import AccessGroup, StaffMember
from clubhouse.team.selectors import access_holders


class LastAdministrator(Exception):
    """Nobody could change Team Access Groups any more, so nothing was saved. Give another administrator Access."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class OwnAccount(Exception):
    """You are signed in with this account, so you cannot deactivate it. Another administrator can."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def starts_with_delete_accounts(business: Business) -> bool:
    """Whether a new group of administrators begins with "Delete Accounts" on: the first of a business does, a later one
    does not (row H19)."""
    kind = AccessGroup.AccountType.ADMINISTRATOR
    return not AccessGroup.objects.filter(business=business, account_type=kind).exists()


@transaction.atomic
def save_group(group: AccessGroup) -> AccessGroup:
    """Save a new or changed group; it works with its members' next request.

    Raises ``ValidationError`` where the account type does not fit the roles of its members, or employees would get
    Access or Delete Accounts; and :class:`LastAdministrator`.
    """
    _lock(group.business_id)
    _fits_its_members(group)
    group.full_clean()
    new = group.pk is None
    group.save()
    if not new:
        _somebody_has_access(group.business_id)
    return group


@transaction.atomic
def add_member(
    business: Business,
    *,
    email: str,
    name: str,
    role: str,
    access_group: AccessGroup,
    club: Club | None,
    is_instructor: bool,
) -> StaffMember:
    """Add a colleague with an account that has no password yet: a sign-in link sets it."""
    _lock(business.pk)
    user = User.objects.create_user(email, None, business=business, audience=User.Audience.TEAM)
    return StaffMember.objects.create(
        business=business,
        user=user,
        name=name,
        role=role,
        access_group=access_group,
        club=club,
        is_instructor=is_instructor,
    )


@transaction.atomic
def update_member(staff: StaffMember, *, email: str) -> StaffMember:
    """Save a changed colleague and the address they sign in with. Raises :class:`LastAdministrator`."""
    _lock(staff.business_id)
    staff.save()
    User.objects.filter(pk=staff.user_id).update(email=email)
    _somebody_has_access(staff.business_id)
    return staff


@transaction.atomic
def set_active(staff: StaffMember, *, active: bool, by: StaffMember) -> None:
    """Let a colleague sign in or not; who may not is signed out everywhere with the next request.

    Raises :class:`OwnAccount` and :class:`LastAdministrator`.
    """
    if staff.pk == by.pk:
        raise OwnAccount
    _lock(staff.business_id)
    User.objects.filter(pk=staff.user_id).update(is_active=active)
    if not active:
        Session.objects.filter(user_id=staff.user_id).delete()
        _somebody_has_access(staff.business_id)


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """Set the password that a sign-in link asked for; every earlier sign-in and every other link ends."""
    user.set_password(password)
    user.save(update_fields=["password"])
    Session.objects.filter(user=user).delete()


def _lock(business: int) -> None:
    """Two changes follow each other, so that each sees whom the other left in charge."""
    Business.objects.select_for_update().get(pk=business)


def _somebody_has_access(business: int) -> None:
    if not access_holders(business).exists():
        raise LastAdministrator


def _fits_its_members(group: AccessGroup) -> None:
    kinds = AccessGroup.AccountType
    administrators = group.account_type == kinds.ADMINISTRATOR
    errors: dict[str, str] = {}
    if not administrators:
        for name in ("access", "delete_accounts"):
            if getattr(group, name):
                errors[name] = _("This is for the account type Administrator only. Switch it off, or choose that type.")
    if group.pk is not None:
        is_one = {"role": StaffMember.Role.ADMINISTRATOR}
        members = StaffMember.objects.filter(access_group=group)
        others = (members.exclude(**is_one) if administrators else members.filter(**is_one)).count()
        if others:
            errors["account_type"] = (
                _("%(count)s of this group's colleagues are not administrators. Move them to another group first.")
                if administrators
                else _("%(count)s of this group's colleagues are administrators. Move them to another group first.")
            ) % {"count": others}
    if errors:
        raise ValidationError(errors)
