"""What permissions do beyond the table in ``tests/clubhouse/access``: areas, the next request, one club."""

from __future__ import annotations

from django.test import Client as Browser
from django.urls import reverse

from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in


def test_a_group_without_contacts_is_refused(client: Browser, employee: StaffMember, club: Club) -> None:
    employee.access_group.contacts = False
    employee.access_group.save()
    record = make.make_client(club)
    sign_in(client, employee)
    for name in ("clients:list", "clients:profile", "clients:information", "clients:edit"):
        answer = client.get(reverse(name, args=[] if name == "clients:list" else [record.pk]))
        assert answer.status_code == 403
        assert "Contacts" in answer.content.decode()


def test_a_permission_that_is_taken_away_is_gone_with_the_next_request(
    client: Browser, administrator: StaffMember, club: Club
) -> None:
    url = reverse("users:consequences", args=[make.make_client(club).pk])
    sign_in(client, administrator)
    assert client.get(url).status_code == 200
    administrator.access_group.delete_accounts = False
    administrator.access_group.save()
    assert client.get(url).status_code == 403


def test_a_manager_sees_the_clients_of_the_own_club_only(client: Browser, manager: StaffMember) -> None:
    elsewhere = make.make_client(make.make_club(manager.business))
    here = make.make_client(manager.club)
    sign_in(client, manager)
    listed = client.get(reverse("clients:list")).content.decode()
    assert here.last_name in listed
    assert elsewhere.last_name not in listed
    assert client.get(reverse("clients:profile", args=[elsewhere.pk])).status_code == 404
    assert client.get(reverse("clients:profile", args=[here.pk])).status_code == 200
