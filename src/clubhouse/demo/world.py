"""What the steps of the demo hand on to each other."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass, field

from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client
from clubhouse.memberships.models import Membership, Package
from clubhouse.schedule.models import Club, Session
from clubhouse.team.models import StaffMember

WEEKS_BACK = 8
WEEKS_AHEAD = 3


@dataclass(kw_only=True)
class World:
    """The demo in the making. ``chance`` is seeded, so the same seed gives the same people on the same days."""

    chance: random.Random
    now: datetime.datetime
    business: Business
    clubs: list[Club] = field(default_factory=list)
    trainers: list[StaffMember] = field(default_factory=list)
    managers: list[StaffMember] = field(default_factory=list)
    desk: list[StaffMember] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    #: What a client is here to show, by the client's number.
    shows: dict[str, str] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    packages: list[Package] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    #: Role to the account that signs in as it.
    accounts: dict[str, User] = field(default_factory=dict)

    @property
    def today(self) -> datetime.date:
        """The date at the moment the demo is made, in UTC."""
        return self.now.date()

    def ago(self, days: int) -> datetime.date:
        """The date so many days back."""
        return self.today - datetime.timedelta(days=days)

    def showing(self, *kinds: str) -> list[Client]:
        """The clients who show one of these things, in order."""
        return [client for client in self.clients if self.shows[client.number] in kinds]
