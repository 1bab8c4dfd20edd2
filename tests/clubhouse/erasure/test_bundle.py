"""A club's export is imported, and the client who is in most of its tables is erased on the command line.

Issue 2, "Done when" 2. The export that lies beside the repository is taken where there is one, else one that is written
here.
"""

from __future__ import annotations

import datetime
import json
import os
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.billing.models import Invoice, StoredCard
from clubhouse.clients.models import Client, ClientLinking, Identity, ProfileImage
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.schedule.models import Booking, WaitingListEntry
from clubhouse.team.models import StaffMember
from lethe import outbox
from lethe.models import Effect
from tests.clubhouse.erasure import evidence
from tests.clubhouse.imports import bundles
from tests.support.dump import folder_bytes, logical_dump
from tests.support.factories import make_staff

pytestmark = pytest.mark.django_db(transaction=True)

EXPORT = Path(os.environ.get("CLUB_EXPORT") or Path(__file__).resolve().parents[4] / "shared" / "club-export")
NAME = "Lakeside"
#: What a client can be in, by the column that says so.
TABLES = (
    *((model, "client") for model in (Booking, WaitingListEntry, Membership, Package, AccountCredit, Invoice)),
    *((model, "client") for model in (StoredCard, Identity, ProfileImage)),
    *((ClientLinking, name) for name in ("client", "other")),
    (Client.trainers.through, "client"),
)
#: Columns of those tables whose values say something of the client.
VALUES = (
    (Invoice, ("billing_name", "billing_address", "reference")),
    (StoredCard, ("customer_token", "card_token")),
    (Identity, ("subject",)),
    (Booking, ("note", "reference")),
    (Membership, ("provider_reference", "reference")),
    (Package, ("reference",)),
    (AccountCredit, ("reason", "reference")),
)
#: Shorter values are found in any dump.
SHORTEST = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The export, as it came; or a small one."""
    return EXPORT if (EXPORT / "clients.csv").exists() else small(tmp_path / "export")


def small(path: Path) -> Path:
    """A bundle with a client in every file, and another who shares a town with them."""
    ahead = (timezone.now() + datetime.timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    person = {
        "email": "zoe.quillfeather@example.org",
        "mobile_no": "+44 7700 900 461",
        "address_1": "71 Marrowbone Passage",
        "town": "Kiel am See",
        "medical_notes": "Carries an adrenaline pen",
        "photo": "one.png",
    }
    rows = bundles.whole(
        clients=[
            bundles.client("1000", first_name="Zoë", last_name="Quillfeather", paid_by="1001", buddy="1001", **person),
            bundles.client("1001", town="Kiel am See", buddy="1000"),
        ],
        sessions=[
            bundles.row("sessions.csv"),
            bundles.row("sessions.csv", session_id="S2", starts_at=ahead, status="scheduled"),
            bundles.row("sessions.csv", session_id="S3", starts_at=ahead, status="scheduled", capacity="1"),
        ],
        bookings=[
            bundles.row("bookings.csv", note="needs the chair by the window"),
            bundles.row("bookings.csv", booking_id="B2", session_id="S2", status="booked"),
            bundles.row("bookings.csv", booking_id="B3", session_id="S3", client_id="1001", status="booked"),
        ],
        waiting_list=[bundles.row("waiting_list.csv", session_id="S3")],
        payments=[
            bundles.row("payments.csv", billing_name="Zoë Quillfeather", billing_address="71 Marrowbone Passage, Kiel"),
            bundles.row("payments.csv", payment_id="I2", number="INV-2", status="outstanding"),
            bundles.row("payments.csv", payment_id="I3", number="INV-3", client_id="1001"),
        ],
    )
    bundles.write(path, rows)
    bundles.picture(path)
    return path


def test_the_client_in_most_tables_is_erased_and_the_totals_hold(folder: Path, tmp_path: Path, media: Path) -> None:
    """Rows F3, F5, F14, F15: their former values are nowhere, save where other clients really share them."""
    taken = _command("import_club", str(folder), "--business", NAME, "--refused", str(tmp_path / "refused"))
    assert taken["clients.csv"]["accepted"] > 1
    business = Business.objects.get(name=NAME)
    evidence.let_all_pass(business)
    administrator = StaffMember.objects.filter(business=business, role="administrator").first()
    by = administrator.user.email if administrator else _administrator(business)
    client = Client.objects.select_related("user").get(pk=in_most_tables())
    values = own_values(client)
    assert len(values) >= 8
    moment = timezone.now()
    counted, pictures = evidence.totals(moment), len(list(media.rglob("*.*")))
    before = evidence.snapshot()
    assert values == {value for value in values if value.encode() in stored(media)}

    said = _command(
        *("lethe", "erase", f"clients.Client:{client.pk}", "--by", by, "--reason", "asked at the desk", "--yes")
    )
    assert said["erased"] == 1
    outbox.drain()

    assert not Effect.objects.filter(done_at=None).exists()
    after, bytes_after = evidence.snapshot(), stored(media)
    assert {value for value in values if value.encode() in bytes_after} == set()
    assert evidence.totals(moment) == counted
    assert evidence.broken_foreign_keys() == []
    assert evidence.unexpected(before, after, client.pk) == []
    assert len(list(media.rglob("*.*"))) <= pictures - 3 * ProfileImage.objects.filter(client=client.pk).count()


def in_most_tables() -> int:
    """The key of the client who is in most tables; among those, of the one with most bookings."""
    found: Counter[int] = Counter()
    for model, name in TABLES:
        found.update(set(model.objects.exclude(**{name: None}).values_list(f"{name}_id", flat=True)))
    most = max(found.values())
    return Client.objects.filter(pk__in=[key for key, n in found.items() if n == most]).earliest("pk").pk


def own_values(client: Client) -> set[str]:
    """The client's values, without those that anyone else has too, whole or as a part of something."""
    names = [
        field.name for field in Client._meta.concrete_fields if isinstance(field, models.CharField | models.TextField)
    ]
    mine = {str(getattr(client, name)) for name in names if name not in {"status", "search_text"}}
    for model, columns in VALUES:
        for row in model.objects.filter(client=client).values_list(*columns):
            mine |= {str(value) for value in row}
    others = "\n".join(_texts_of_others(client))
    return {value for value in mine if len(value) >= SHORTEST and value not in others and not value.isdecimal()}


def _texts_of_others(client: Client) -> list[str]:
    """Every text in the database that belongs to another client, to a colleague, or to nobody."""
    texts = []
    for model in (*(model for model, _ in TABLES), Client):
        own = models.Q(pk=client.pk) if model is Client else models.Q(client=client)
        own |= models.Q(other=client) if model is ClientLinking else models.Q(pk=None)
        columns = [f.name for f in model._meta.concrete_fields if isinstance(f, models.CharField | models.TextField)]
        for row in model.objects.exclude(own).values_list(*columns) if columns else ():
            texts += [str(value) for value in row]
    for path, column in (
        ("schedule.Session", "title"),
        ("team.StaffMember", "name"),
        ("schedule.Session", "reference"),
    ):
        texts += apps.get_model(path).objects.values_list(column, flat=True)
    return texts


def stored(media: Path) -> bytes:
    return logical_dump(connection) + folder_bytes(media)


def _administrator(business: Business) -> str:
    return make_staff(business, "administrator", delete_accounts=True, reference="").user.email


def _command(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())
