"""A second, small business without an administrator, and the operator who deletes its clients on request (row F4)."""

from __future__ import annotations

import datetime

from django.contrib.auth.hashers import make_password

from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client
from clubhouse.clients.search import search_text
from clubhouse.schedule.models import Club
from clubhouse.team.models import AccessGroup, StaffMember

SLUG, DOMAIN = "pier-yoga", "pier.example.com"
#: The colleague's sign-in, and the operator's, who belongs to no business.
ROLE, OPERATOR = "employee-without-administrator", "operator@example.com"


def make(now: datetime.datetime) -> dict[str, User]:
    """Make the business and its one client; gives role to the account that signs in as it."""
    business = Business.objects.create(name="Pier Yoga", slug=SLUG)
    club = Club.objects.create(business=business, name="The Pier", town="Sandhaven", reference="club-1")
    group = AccessGroup.objects.create(business=business, name="Front desk")
    unusable = make_password(None)
    accounts = [
        User(business=business, audience=User.Audience.TEAM, email=f"employee@{DOMAIN}", password=unusable),
        User(business=None, audience=User.Audience.OPERATOR, email=OPERATOR, password=unusable),
    ]
    User.objects.bulk_create(accounts)
    StaffMember.objects.create(
        business=business, user=accounts[0], name="Ines Frontley", access_group=group, club=club, reference="team-1"
    )
    client = Client(
        business=business,
        home_club=club,
        number="101",
        joined_on=now.date() - datetime.timedelta(days=300),
        first_name="Odile",
        last_name="Leaver",
        email="odile.leaver@example.com",
    )
    client.search_text = search_text(client)
    client.save()
    return dict(zip((ROLE, "operator"), accounts, strict=True))


def accounts() -> dict[str, User]:
    """Role to the account, of those that :func:`make` made."""
    emails = {f"employee@{DOMAIN}": ROLE, OPERATOR: "operator"}
    found = User.objects.filter(email__in=emails).exclude(audience=User.Audience.MEMBER).order_by("pk")
    return {emails[user.email]: user for user in found}
