"""Team settings > Team Access Group (row H19)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.team import services
from clubhouse.team.models import AccessGroup, StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def values(group: AccessGroup, **more: Any) -> dict[str, str]:
    """What the form of a group sends; ``name=False`` leaves a box unticked."""
    names = ("contacts", "schedule", "retail", "access", "delete_accounts")
    boxes = {name: more.pop(name, getattr(group, name)) for name in names}
    sent = {"name": group.name, "account_type": group.account_type} | {name: "on" for name, on in boxes.items() if on}
    return sent | more


def test_the_labels_are_to_the_letter(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    assert "Team settings" in client.get(reverse("team:settings")).content.decode()
    assert ">Team Access Group<" in client.get(reverse("team:settings")).content.decode()
    page = client.get(reverse("team:group", args=[administrator.access_group_id])).content.decode()
    access = page[page.index(">Access</h2>") :]
    assert ">Administrator Access</h3>" in access
    assert ">Delete Accounts</label>" in access
    assert 'role="switch"' in access
    assert all(f">{area}</label>" in page for area in ("Contacts", "Schedule", "Retail", "Access"))


def test_a_change_works_with_the_next_request(
    client: Browser, administrator: StaffMember, administrator_without_delete: StaffMember, club
) -> None:
    record = make.make_client(club)
    wanted, other = reverse("users:consequences", args=[record.pk]), Browser()
    sign_in(client, administrator)
    sign_in(other, administrator_without_delete)
    assert other.get(wanted).status_code == 403
    group = administrator_without_delete.access_group
    address = reverse("team:group", args=[group.pk])
    assert client.post(address, values(group, delete_accounts=True)).status_code == 302
    assert other.get(wanted).status_code == 200
    assert client.post(address, values(group, delete_accounts=False)).status_code == 302
    assert other.get(wanted).status_code == 403


def test_delete_accounts_is_off_in_groups_made_later(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    page = client.get(reverse("team:new-group"))
    assert page.context["form"].instance.delete_accounts is False
    client.post(reverse("team:new-group"), {"name": "Later", "account_type": "administrator", "access": "on"})
    assert AccessGroup.objects.get(name="Later").delete_accounts is False


def test_delete_accounts_is_on_for_the_first_administrators(business: Business) -> None:
    assert services.starts_with_delete_accounts(business) is True
    make.make_group(business)
    assert services.starts_with_delete_accounts(business) is True, "employees' groups do not count"
    make.make_group(business, administrator=True)
    assert services.starts_with_delete_accounts(business) is False


@pytest.mark.parametrize("name", ["access", "delete_accounts"])
def test_employees_get_neither_access_nor_delete_accounts(
    client: Browser, administrator: StaffMember, name: str
) -> None:
    sign_in(client, administrator)
    sent = {"name": "Desk", "account_type": "employee", name: "on"}
    answer = client.post(reverse("team:new-group"), sent)
    assert answer.status_code == 422
    assert "account type Administrator only" in answer.content.decode()
    assert 'value="Desk"' in answer.content.decode()
    assert not AccessGroup.objects.filter(name="Desk").exists()


@pytest.mark.parametrize("change", [{"access": False}, {"account_type": "employee", "access": False}])
def test_nobody_takes_access_from_the_last_administrators(
    client: Browser, administrator: StaffMember, change: dict[str, Any]
) -> None:
    sign_in(client, administrator)
    group = administrator.access_group
    answer = client.post(reverse("team:group", args=[group.pk]), values(group, delete_accounts=False, **change))
    assert answer.status_code == 422
    group.refresh_from_db()
    assert group.access is True
    assert group.account_type == "administrator"


def test_a_deactivated_administrator_does_not_count(
    client: Browser, administrator: StaffMember, administrator_without_delete: StaffMember
) -> None:
    sign_in(client, administrator)
    group = administrator.access_group
    services.set_active(administrator_without_delete, active=False, by=administrator)
    address = reverse("team:group", args=[group.pk])
    answer = client.post(address, values(group, access=False))
    assert answer.status_code == 422
    assert "Give another administrator Access" in answer.content.decode()
    services.set_active(administrator_without_delete, active=True, by=administrator)
    assert client.post(address, values(group, access=False)).status_code == 302
    assert client.get(address).status_code == 403, "and it works with the next request"


def test_the_type_fits_the_members(administrator: StaffMember, employee: StaffMember) -> None:
    for group, kind in ((administrator.access_group, "employee"), (employee.access_group, "administrator")):
        group.account_type, group.access, group.delete_accounts = kind, False, False
        with pytest.raises(ValidationError, match="Move them"):
            services.save_group(group)


def test_a_name_is_used_once(client: Browser, administrator: StaffMember, stranger: StaffMember) -> None:
    sign_in(client, administrator)
    taken = administrator.access_group.name.upper()
    assert client.post(reverse("team:new-group"), {"name": taken, "account_type": "employee"}).status_code == 422
    theirs = stranger.access_group.name
    assert client.post(reverse("team:new-group"), {"name": theirs, "account_type": "employee"}).status_code == 302


def test_the_lists_run_the_same_queries_for_many(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    for name in ("team:groups", "team:members"):
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(name)).status_code == 200
            counts.append(len(queries))
            for _ in range(12):
                make.make_staff(administrator.business)
        assert counts[0] == counts[1], name
