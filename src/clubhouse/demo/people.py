"""The demo's team and clients.

What each client shows (see :data:`SHOWCASE` and :data:`CROWD`) decides what the later steps give them: some have
nothing that blocks a deletion, some have exactly one thing, most have what members of a gym have.
"""

from __future__ import annotations

import datetime
import re
import unicodedata

from django.contrib.auth.hashers import make_password

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.clients.search import search_text
from clubhouse.demo import names
from clubhouse.demo.world import World
from clubhouse.schedule.models import Club
from clubhouse.team.models import AccessGroup, StaffMember

DOMAIN = "harbour.example.com"
CLIENTS = 300

#: One client for each thing that can be in the way, and one with nothing in the way: the tag says which.
SHOWCASE = (
    "member sign-in",
    "deletable",
    "debt",
    "failed payment",
    "dispute",
    "future session",
    "account credit",
    "paid by",
    "unused package",
    "active membership",
    "frozen membership",
    "guardian",
    "everything",
)
#: Everybody else, and how often.
CROWD = {"member": 52, "package holder": 22, "former member": 14, "lead": 12}


def make_team(world: World) -> None:
    """Clubs, Team Access Groups, and a colleague for every role."""
    business = world.business
    world.clubs = Club.objects.bulk_create(
        Club(business=business, name=name, town=town, timezone=business.timezone, reference=f"club-{n}")
        for n, (name, town) in enumerate(names.CLUBS, 1)
    )
    kind = AccessGroup.AccountType
    full, limited, management, front = AccessGroup.objects.bulk_create(
        [
            AccessGroup(
                business=business,
                name="Owners",
                account_type=kind.ADMINISTRATOR,
                retail=True,
                access=True,
                delete_accounts=True,
            ),
            AccessGroup(
                business=business, name="Back office", account_type=kind.ADMINISTRATOR, retail=True, access=True
            ),
            AccessGroup(business=business, name="Club managers", retail=True),
            AccessGroup(business=business, name="Front desk and trainers"),
        ]
    )
    role = StaffMember.Role
    team = [
        ("administrator", "Adaeze Keyholder", role.ADMINISTRATOR, full, None, False),
        ("administrator-without-delete", "Bertil Ledgerwood", role.ADMINISTRATOR, limited, None, False),
        ("employee", names.DESK[0], role.EMPLOYEE, front, world.clubs[0], False),
        ("", names.DESK[1], role.EMPLOYEE, front, world.clubs[1], False),
    ]
    team += [("", name, role.MANAGER, management, world.clubs[n], False) for n, name in enumerate(names.MANAGERS)]
    team += [("", name, role.EMPLOYEE, front, world.clubs[n % 3], True) for n, name in enumerate(names.TRAINERS)]
    users = [
        User(
            business=business,
            audience="team",
            email=f"{account or _local(name)}@{DOMAIN}",
            password=make_password(None),
        )
        for account, name, *_ in team
    ]
    User.objects.bulk_create(users)
    staff = StaffMember.objects.bulk_create(
        StaffMember(
            business=business,
            user=user,
            name=name,
            role=which,
            access_group=group,
            club=club,
            is_instructor=teaches,
            reference=f"team-{n}",
        )
        for n, (user, (_, name, which, group, club, teaches)) in enumerate(zip(users, team, strict=True), 1)
    )
    world.accounts = {account: user for user, (account, *_) in zip(users, team, strict=True) if account}
    world.managers = [each for each in staff if each.role == role.MANAGER]
    world.trainers = [each for each in staff if each.is_instructor]
    world.desk = [each for each in staff if each.role == role.EMPLOYEE and not each.is_instructor]


def make_clients(world: World) -> None:
    """The clients, about half of them with a sign-in to the member app."""
    chance = world.chance
    crowd = chance.choices(list(CROWD), weights=list(CROWD.values()), k=CLIENTS - len(SHOWCASE))
    pairs = chance.sample([(first, last) for first in names.FIRST_NAMES for last in names.LAST_NAMES], CLIENTS)
    for n, (show, (first, last)) in enumerate(zip([*SHOWCASE, *crowd], pairs, strict=True)):
        client = _client(world, n, show, first, last)
        world.shows[client.number] = show
        world.clients.append(client)
    members = [client for client in world.clients if _signs_in(world, client)]
    users = [
        User(business=world.business, audience="member", email=client.email, password=make_password(None))
        for client in members
    ]
    User.objects.bulk_create(users)
    for client, user in zip(members, users, strict=True):
        client.user = user
    world.accounts["member"] = users[members.index(world.showing("member sign-in")[0])]
    Client.objects.bulk_create(world.clients)


def _signs_in(world: World, client: Client) -> bool:
    show = world.shows[client.number]
    return show in SHOWCASE or (show in {"member", "package holder"} and world.chance.random() < 0.6)


def _client(world: World, n: int, show: str, first: str, last: str) -> Client:
    chance = world.chance
    lead = show == "lead"
    client = Client(
        business=world.business,
        home_club=world.clubs[0] if show in SHOWCASE else chance.choice(world.clubs),
        number=str(2001 + n),
        status="lead" if lead else "inactive" if show == "former member" else "active",
        joined_on=world.ago(chance.randrange(3, 60) if lead else chance.randrange(90, 1500)),
        first_name=first,
        last_name=last,
        email=_email(show, first, last),
        mobile_no=f"07700 900{n:03d}",
        marketing_opt_in=chance.random() < 0.4,
        tags=[f"demo: {show}"] if show in SHOWCASE else chance.sample(names.TAGS, chance.choice([0, 0, 1, 2])),
        sign_up_answers={"How did you hear of us?": chance.choice(names.HEARD)},
    )
    if not lead:
        _details(world, n, client)
    client.search_text = search_text(client)
    return client


def _email(show: str, first: str, last: str) -> str:
    """An address at a reserved domain; who is here to show something is found by searching for "demo"."""
    if show == "member sign-in":
        return f"member@{DOMAIN}"
    return f"demo.{_local(show)}@{DOMAIN}" if show in SHOWCASE else f"{_local(f'{first} {last}')}@example.com"


def _details(world: World, n: int, client: Client) -> None:
    chance = world.chance
    client.address_1 = f"{chance.randrange(1, 180)} {chance.choice(names.STREETS)}"
    client.address_2 = chance.choice(["", "", "Flat 2", "Top floor"])
    client.town = client.home_club.town
    client.postcode = (
        f"ZZ{chance.randrange(1, 9)} {chance.randrange(1, 9)}{chance.choice('ABDEFGH')}{chance.choice('JLNPQ')}"
    )
    client.country = "United Kingdom"
    client.dob = world.ago(chance.randrange(18 * 365 + 10, 75 * 365))
    client.gender = chance.choice(["female", "male", "non-binary", ""])
    client.occupation = chance.choice(names.OCCUPATIONS)
    client.phone_no = f"020 7946 0{n:03d}" if chance.random() < 0.3 else ""
    client.mobile_device = chance.choice(["", "phone-a", "phone-b"])
    if chance.random() < 0.25:
        client.height = f"{chance.randrange(150, 200)} cm"
        client.weight = f"{chance.randrange(50, 110)} kg"
        client.measurement1 = f"{chance.randrange(60, 110)} cm"
    if chance.random() < 0.15:
        client.medical_notes = chance.choice(names.MEDICAL)
    if chance.random() < 0.2:
        client.notes = chance.choice(names.NOTES)


def make_minor(world: World, client: Client) -> None:
    """Make a client eleven years old; the caller gives them a guardian."""
    client.dob = world.today - datetime.timedelta(days=11 * 365 + 100)
    client.save(update_fields=["dob"])


def _local(name: str) -> str:
    """A name as the first half of an address: ASCII letters, digits and dots."""
    plain = unicodedata.normalize("NFKD", name.translate(str.maketrans("øØłŁ", "oOlL")))
    return re.sub(r"[^a-z0-9]+", ".", plain.encode("ascii", "ignore").decode().lower()).strip(".")
