"""The demo business: made whole or not at all, in bulk statements."""

from __future__ import annotations

import random

from django.db import transaction
from django.utils import timezone

from clubhouse.accounts.models import Business, User
from clubhouse.demo import people, sales, sign_ins, small, ties, timetable
from clubhouse.demo.world import World
from clubhouse.member.services import make_default_build

SLUG = "harbour-fitness"
ROLES = (
    "administrator",
    "administrator-without-delete",
    "employee",
    "member",
    small.ROLE,
    "operator",
)


def load(*, url: str, seed: int = 1) -> World:
    """Make the demo business relative to now, and its sign-ins; ``url`` is where the product answers."""
    with transaction.atomic():
        business = Business.objects.create(
            name="Harbour Fitness", slug=SLUG, deletion_mode=Business.DeletionMode.SETTLE_FIRST
        )
        make_default_build(business)
        world = World(chance=random.Random(seed), now=timezone.now(), business=business)
        people.make_team(world)
        people.make_clients(world)
        sales.make_purchases(world)
        ties.make_linkings(world)
        sales.make_invoices(world)
        timetable.make_sessions(world)
        timetable.make_bookings(world)
        timetable.make_appointments(world)
        ties.make_buddy_bookings(world)
        ties.make_profiles(world)
        ties.make_traces(world)
        ties.make_pictures(world)
        world.accounts |= small.make(world.now)
        sign_ins.give_passwords({role: world.accounts[role] for role in ROLES}, url)
    return world


def renew_passwords(*, url: str) -> None:
    """Give the demo's sign-ins new passwords. Raises ``Business.DoesNotExist`` where there is no demo business."""
    business = Business.objects.get(slug=SLUG)
    emails = {f"{role}@{people.DOMAIN}": role for role in ROLES}
    found = User.objects.filter(business=business, email__in=emails).order_by("pk")
    sign_ins.give_passwords({emails[user.email]: user for user in found} | small.accounts(), url)
