"""Team settings > Team members: colleagues, and the links they set their passwords by."""

from __future__ import annotations

import re

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import Session, User
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def values(staff: StaffMember, **more: str) -> dict[str, str]:
    sent = {
        "name": staff.name,
        "email": staff.user.email,
        "role": staff.role,
        "access_group": str(staff.access_group_id),
        "club": str(staff.club_id or ""),
    }
    return sent | more


def link_in(answer) -> str:
    found = re.search(r'value="http://testserver(/team/join/[^"]+)"', answer.content.decode())
    assert found
    return found.group(1)


def test_a_colleague_is_added_and_sets_a_password(
    client: Browser, administrator: StaffMember, employee: StaffMember, club
) -> None:
    sign_in(client, administrator)
    group = employee.access_group
    sent = {"name": "New Face", "email": "face@example.com", "role": "employee", "access_group": str(group.pk)}
    answer = client.post(reverse("team:new-member"), sent | {"club": str(club.pk), "is_instructor": "on"})
    staff = StaffMember.objects.get(name="New Face")
    assert answer["Location"] == reverse("team:member", args=[staff.pk])
    assert (staff.club, staff.is_instructor, staff.user.has_usable_password()) == (club, True, False)
    link = link_in(client.post(reverse("team:make-link", args=[staff.pk])))
    visitor = Browser()
    assert visitor.get(link).status_code == 200
    token = link.rstrip("/").rpartition("/")[2]
    send = reverse("team:join-send", args=[staff.user_id])
    assert visitor.post(send, {"token": token, "password": "short"}).status_code == 422
    done = visitor.post(send, {"token": token, "password": make.PASSWORD})
    assert done["Location"] == reverse("business-sign-in", args=[staff.business.slug])
    assert visitor.get(link).status_code == 410, "it works once"
    signing_in = {"email": "face@example.com", "password": make.PASSWORD}
    assert visitor.post(done["Location"], signing_in).status_code == 302


def test_a_link_of_somebody_else_or_made_up_opens_nothing(
    client: Browser, administrator: StaffMember, employee: StaffMember, member
) -> None:
    sign_in(client, administrator)
    token = link_in(client.post(reverse("team:make-link", args=[employee.pk]))).rstrip("/").rpartition("/")[2]
    for key in (administrator.user_id, member.user_id, 999_999):
        assert Browser().get(reverse("team:join", args=[key, token])).status_code == 410
    assert Browser().get(reverse("team:join", args=[employee.user_id, "made-up"])).status_code == 410
    assert Browser().get(reverse("team:join-send", args=[employee.user_id])).status_code == 410


def test_a_change_works_with_the_next_request(
    client: Browser, administrator: StaffMember, employee: StaffMember
) -> None:
    sign_in(client, administrator)
    other = Browser()
    sign_in(other, employee)
    assert other.get(reverse("team:groups")).status_code == 403
    sent = values(employee, role="administrator", access_group=str(administrator.access_group_id))
    assert client.post(reverse("team:member", args=[employee.pk]), sent).status_code == 302
    assert other.get(reverse("team:groups")).status_code == 200
    employee.refresh_from_db()
    assert employee.club is None, "an administrator looks after all clubs"


@pytest.mark.parametrize("role", ["employee", "manager", "administrator"])
def test_role_and_group_have_to_fit(
    client: Browser, administrator: StaffMember, employee: StaffMember, club, role: str
) -> None:
    sign_in(client, administrator)
    group = employee.access_group_id if role == "administrator" else administrator.access_group_id
    sent = values(employee, role=role, access_group=str(group), club=str(club.pk))
    answer = client.post(reverse("team:member", args=[employee.pk]), sent)
    assert answer.status_code == 422
    assert "account type" in answer.content.decode()


def test_a_manager_needs_a_club_and_an_address_is_used_once(
    client: Browser, administrator: StaffMember, employee: StaffMember, manager: StaffMember
) -> None:
    sign_in(client, administrator)
    address = reverse("team:member", args=[employee.pk])
    assert client.post(address, values(employee, role="manager", club="")).status_code == 422
    answer = client.post(address, values(employee, email=manager.user.email.upper()))
    assert answer.status_code == 422
    assert "Another colleague signs in" in answer.content.decode()
    assert client.post(address, values(employee, email="moved@example.com")).status_code == 302
    assert User.objects.get(pk=employee.user_id).email == "moved@example.com"


def test_a_deactivated_colleague_is_out_with_the_next_request(
    client: Browser, administrator: StaffMember, employee: StaffMember
) -> None:
    sign_in(client, administrator)
    other = Browser()
    sign_in(other, employee)
    assert other.get(reverse("clients:list")).status_code == 200
    address = reverse("team:activity", args=[employee.pk])
    client.post(address, {"active": "no"})
    assert other.get(reverse("clients:list")).status_code == 302
    assert not Session.objects.filter(user_id=employee.user_id).exists()
    answer = client.post(reverse("team:make-link", args=[employee.pk]), follow=True)
    assert "is deactivated" in answer.content.decode()
    client.post(address, {"active": "yes"})
    assert User.objects.get(pk=employee.user_id).is_active


def test_nobody_locks_themselves_or_the_business_out(
    client: Browser, administrator: StaffMember, administrator_without_delete: StaffMember, employee: StaffMember
) -> None:
    sign_in(client, administrator)
    answer = client.post(reverse("team:activity", args=[administrator.pk]), {"active": "no"}, follow=True)
    assert "signed in with this account" in answer.content.decode()
    client.post(reverse("team:activity", args=[administrator_without_delete.pk]), {"active": "no"})
    sent = values(administrator, role="employee", access_group=str(employee.access_group_id))
    answer = client.post(reverse("team:member", args=[administrator.pk]), sent)
    assert answer.status_code == 422
    assert "Give another administrator Access" in answer.content.decode()
    administrator.refresh_from_db()
    assert administrator.role == "administrator"
