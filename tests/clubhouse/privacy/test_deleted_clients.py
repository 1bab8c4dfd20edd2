"""What is left of a deleted client, and for whom (rows F3, H18)."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.clients.models import Client
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.team.models import StaffMember
from tests.support.record import Record
from tests.support.sign_in import sign_in


@pytest.fixture
def erased(settled_record: Record, administrator: StaffMember) -> Client:
    record = settled_record.client
    erase(record, by=administrator.user, reason="test", fingerprint=look(record).fingerprint)
    return Client.objects.get(pk=record.pk)


def test_administrators_find_it_under_deleted_clients(
    client: Browser, administrator: StaffMember, erased: Client, settled_record: Record
) -> None:
    sign_in(client, administrator)
    page = client.get(reverse("clients:deleted"), {"q": f"#{erased.number}"})
    assert f"[deleted] #{erased.number}" in page.content.decode()
    profile = client.get(reverse("clients:profile", args=[erased.pk]))
    assert f"[deleted] #{erased.number}" in profile.content.decode()
    assert "Deleted and read-only" in profile.content.decode()
    assert settled_record.past.title in profile.content.decode(), "history is there"
    for shown in (page, profile):
        assert not settled_record.canaries.found_in(shown.content)


def test_it_is_in_no_list_and_no_search(client: Browser, administrator: StaffMember, erased: Client) -> None:
    sign_in(client, administrator)
    for door in ("clients:list", "users:list"):
        for query in ("", "deleted", erased.number, erased.email):
            found = client.get(reverse(door), {"q": query}).context["page"].object_list
            assert erased.pk not in {one.pk for one in found}


def test_it_is_read_only(client: Browser, administrator: StaffMember, erased: Client) -> None:
    sign_in(client, administrator)
    profile = client.get(reverse("clients:profile", args=[erased.pk])).content.decode()
    assert 'aria-label="Edit"' not in profile
    assert 'aria-label="Client Information"' not in profile
    assert "<form" not in profile.replace(f'action="{reverse("sign-out")}"', "").split("<main")[1]
    information = client.get(reverse("clients:information", args=[erased.pk]), {"delete": "on"}).content.decode()
    assert 'role="switch"' not in information
    for door in ("clients", "users"):
        url = reverse(f"{door}:edit", args=[erased.pk])
        for answer in (client.get(url), client.post(url, {"first_name": "Back", "status": "active"})):
            assert answer.status_code == 409
            assert "deleted and read-only" in answer.content.decode()
    erased.refresh_from_db()
    assert erased.first_name == "[deleted]"


@pytest.mark.parametrize("role", ["employee", "manager"])
def test_for_everyone_else_it_does_not_exist(
    request: pytest.FixtureRequest, client: Browser, erased: Client, role: str
) -> None:
    sign_in(client, request.getfixturevalue(role))
    for name in ("profile", "information", "edit"):
        assert client.get(reverse(f"clients:{name}", args=[erased.pk])).status_code == 404
    assert client.get(reverse("clients:image", args=[erased.pk])).status_code == 404


def test_a_business_may_hide_them_from_administrators_too(
    client: Browser, administrator: StaffMember, erased: Client
) -> None:
    administrator.business.show_deleted_clients = False
    administrator.business.save()
    sign_in(client, administrator)
    assert client.get(reverse("clients:deleted")).status_code == 404
    assert client.get(reverse("clients:profile", args=[erased.pk])).status_code == 404
    assert "Deleted Clients" not in client.get(reverse("clients:list")).content.decode()
    again = client.post(reverse("clients:delete", args=[erased.pk]), {"fingerprint": "x"})
    assert again["Location"] == reverse("privacy:already-deleted")
