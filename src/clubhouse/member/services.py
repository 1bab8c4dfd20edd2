"""Writes of the member app: its builds. Booking, billing and erasing are done by the services of those apps."""

from __future__ import annotations

from django.db import transaction

from clubhouse.accounts import addresses
from clubhouse.accounts.models import Business, User
from clubhouse.accounts.signing_in import end_everywhere
from clubhouse.clients.models import Client
from clubhouse.member.confirming import AccountGone
from clubhouse.member.models import RESERVED, AppBuild
from clubhouse.sets import hold_clients


def make_default_build(business: Business) -> AppBuild:
    """Give a new business its member app, with sign-up and account deletion; the one it has where it has one.

    The build's address is the business's, or one with a number behind it where that is taken (row F2).
    """
    found = AppBuild.objects.filter(business=business).order_by("pk").first()
    if found is not None:
        return found
    slug, number = business.slug, 1
    while slug in RESERVED or AppBuild.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{business.slug[:56]}-{number}"
    return AppBuild.objects.create(
        business=business, name=f"{business.name} app"[:80], slug=slug, sign_up=True, account_deletion=True
    )


@transaction.atomic
def save_build(build: AppBuild) -> AppBuild:
    """Save a new or changed build. Raises ``ValidationError`` for sign-up without account deletion (row F2), for a
    reserved address and for one that is taken."""
    build.full_clean()
    build.save()
    return build


def remove_build(build: AppBuild) -> None:
    """Take a build away: its address answers "not found" from then on. Accounts are not touched."""
    build.delete()


@transaction.atomic
def change_password(member: Client, user: User, password: str) -> None:
    """Give a member a new password; every sign-in of theirs ends with the next request.

    Waits for an erasure that is under way, and raises ``AccountGone`` after it.
    """
    if not hold_clients([member.pk], using="default"):
        raise AccountGone
    user.set_password(password)
    user.save(update_fields=["password"])
    addresses.withdraw(user)
    end_everywhere(user)
