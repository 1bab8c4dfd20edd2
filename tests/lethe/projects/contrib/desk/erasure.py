"""What becomes of a reader. Everything of apps that are not ours is answered by ready policies."""

from __future__ import annotations

from django.contrib.auth.models import User

from lethe import Policy, RandomEmail, UnusablePassword, delete_rows, register
from lethe.contrib import admin, allauth, auditlog, axes, sessions, simple_history

from .models import Parcel, Stamp

for ready in (admin, allauth, auditlog, axes, sessions, simple_history):
    ready.install()


@register(User)
class UserPolicy(Policy):
    subject = True
    replace = {
        "username": RandomEmail(),
        "email": RandomEmail(),
        "password": UnusablePassword(),
        "first_name": "[deleted]",
        "is_active": False,
        "is_staff": False,
        "is_superuser": False,
    }
    clear = ("last_name", "last_login")
    keep = {"date_joined": "readers are counted by month"}


@register(User.groups.through, User.user_permissions.through)
class RightsPolicy(Policy):
    path = "user"
    rows = delete_rows()


@register(Parcel)
class ParcelPolicy(Policy):
    path = "owner"
    rows = delete_rows()
    unlink = {"packer": ()}


@register(Parcel.labels.through)
class ParcelLabelPolicy(Policy):
    path = "parcel__owner"
    rows = delete_rows()


@register(Stamp)
class StampPolicy(Policy):
    path = "parcel__owner"
    rows = delete_rows()
