"""What others wrote that names the client is shown before the last step (row N1)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clubhouse.clients.models import Client, ClientNote
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.record import Record
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(settled_record: Record) -> str:
    return f"/privacy/clients/{settled_record.client.pk}/residue/"


@pytest.fixture
def note(settled_record: Record) -> ClientNote:
    """A colleague's note about a friend, which names the client."""
    return ClientNote.objects.create(client=settled_record.friend, text=f"Trains with {settled_record.client.email}")


def test_a_note_is_listed_with_a_way_to_it(
    client: Browser, administrator: StaffMember, settled_record: Record, note: ClientNote, url: str
) -> None:
    page = sign_in(client, administrator).get(url).content.decode()
    assert f'href="/clients/{settled_record.friend.pk}/#notes"' in page
    assert "Certain" in page
    assert settled_record.client.email not in page


def test_the_preview_brings_it_along(
    client: Browser, administrator: StaffMember, settled_record: Record, url: str
) -> None:
    page = sign_in(client, administrator).get(f"/clients/{settled_record.client.pk}/information/?delete=on")
    assert f'hx-get="{url}"' in page.content.decode()
    part = client.get(url, headers={"hx-request": "true"}).content.decode()
    assert part.lstrip().startswith("<section")
    assert "Nobody else’s row names this client." in part


def test_another_business_is_not_told_of(
    client: Browser, administrator: StaffMember, stranger: StaffMember, settled_record: Record, url: str
) -> None:
    other = make.make_client(make.make_club(stranger.business))
    ClientNote.objects.create(client=other, text=f"Trains with {settled_record.client.email}")
    page = sign_in(client, administrator).get(url).content.decode()
    assert "Nobody else’s row names this client." in page


def test_only_who_may_delete_may_search(
    client: Browser,
    administrator_without_delete: StaffMember,
    employee: StaffMember,
    stranger: StaffMember,
    url: str,
) -> None:
    assert client.get(url).status_code == 302
    for who, status in ((administrator_without_delete, 403), (employee, 403), (stranger, 404)):
        assert sign_in(client, who).get(url).status_code == status


def test_nothing_but_reading(client: Browser, administrator: StaffMember, url: str) -> None:
    assert sign_in(client, administrator).post(url).status_code == 405


def test_as_many_queries_for_one_find_as_for_many(
    client: Browser, administrator: StaffMember, settled_record: Record, note: ClientNote, url: str
) -> None:
    sign_in(client, administrator).get(url)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    one = queries()
    ClientNote.objects.bulk_create(
        ClientNote(client=settled_record.friend, text=f"{number}: {settled_record.client.email}")
        for number in range(200)
    )
    assert queries() == one
    assert Client.objects.filter(pk=settled_record.client.pk).exists()
