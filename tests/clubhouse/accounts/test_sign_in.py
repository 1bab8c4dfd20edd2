"""Signing in and out."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import Session, User
from clubhouse.clients.models import Client
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in


def attempt(browser: Browser, who: StaffMember | Client, url: str = "", **more: str):
    assert who.user is not None
    values = {"email": who.user.email, "password": make.PASSWORD} | more
    return browser.post(url or reverse("sign-in"), values)


def test_a_colleague_signs_in_and_starts_with_the_clients(client: Browser, employee: StaffMember) -> None:
    answer = attempt(client, employee, email=employee.user.email.upper())
    assert answer["Location"] == "/"
    assert client.get("/")["Location"] == reverse("clients:list")
    assert Session.objects.get().user == employee.user


def test_at_the_address_of_the_business(client: Browser, employee: StaffMember) -> None:
    url = reverse("business-sign-in", args=[employee.business.slug])
    assert 'name="business"' not in client.get(url).content.decode()
    assert client.get(reverse("business-sign-in", args=["no-such-gym"])).status_code == 404
    assert attempt(client, employee, url).status_code == 302


def test_at_the_address_of_another_business(client: Browser, employee: StaffMember, stranger: StaffMember) -> None:
    url = reverse("business-sign-in", args=[stranger.business.slug])
    assert attempt(client, employee, url).status_code == 422
    assert not Session.objects.exists()


def test_every_failure_reads_the_same(client: Browser, employee: StaffMember) -> None:
    idle = make.make_staff(employee.business)
    idle.user.is_active = False
    idle.user.save()
    answers = [
        attempt(client, employee, password="wrong"),
        attempt(client, employee, email="nobody@example.com"),
        attempt(client, idle),
        attempt(client, employee, business="no-such-gym"),
    ]
    said = set()
    for answer in answers:
        assert answer.status_code == 422
        said.add(tuple(answer.context["form"].non_field_errors()))
        assert not answer.wsgi_request.user.is_authenticated
    assert len(said) == 1
    assert make.PASSWORD not in answers[0].content.decode()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("named", ["", "harbour-gym", "no-such-gym"])
def test_a_known_and_an_unknown_address_cost_the_same(
    client: Browser, employee: StaffMember, monkeypatch: pytest.MonkeyPatch, known: bool, named: str
) -> None:
    work = []

    def counted(name: str):
        real = getattr(Argon2PasswordHasher, name)

        def wrapper(self, *args, **kwargs):
            work.append(name)
            return real(self, *args, **kwargs)

        return wrapper

    for name in ("encode", "verify"):
        monkeypatch.setattr(Argon2PasswordHasher, name, counted(name))
    email = employee.user.email if known else "nobody@example.com"
    attempt(client, employee, email=email, password="wrong", business=named)
    assert len(work) == (1 if named else 2)


def test_an_address_of_two_businesses_asks_for_the_business(client: Browser, employee: StaffMember) -> None:
    other = make.make_business(slug="other-gym")
    user = make.make_user(other, User.Audience.TEAM, employee.user.email)
    make.make_staff(other, user=user)
    answer = attempt(client, employee)
    assert answer.status_code == 422
    assert "more than one business" in answer.content.decode()
    assert attempt(client, employee, business="other-gym").status_code == 302
    assert Session.objects.get().user == user


def test_the_right_business_is_found_by_the_password(client: Browser, employee: StaffMember) -> None:
    other = make.make_business()
    user = make.make_user(other, User.Audience.TEAM, employee.user.email)
    user.set_password("another long password")
    user.save()
    attempt(client, employee)
    assert Session.objects.get().user == employee.user


def test_a_member_does_not_get_in_at_the_teams_door(client: Browser, member: Client, employee: StaffMember) -> None:
    assert attempt(client, member).status_code == 422
    assert attempt(client, employee, reverse("member-sign-in")).status_code == 422


def test_a_member_signs_in_and_out(client: Browser, member: Client) -> None:
    assert client.get(reverse("member-home")).status_code == 302
    assert attempt(client, member, reverse("member-sign-in"))["Location"] == reverse("member-home")
    page = client.get(reverse("member-home"))
    assert "Signed in" in page.content.decode()
    assert client.post(reverse("sign-out"))["Location"] == reverse("member-sign-in")
    assert client.get(reverse("member-home")).status_code == 302


def test_a_deleted_members_sign_in_shows_nothing(client: Browser, member: Client) -> None:
    sign_in(client, member)
    Client.objects.filter(pk=member.pk).update(status="deleted")
    assert client.get(reverse("member-home")).status_code == 302


def test_signing_out_ends_the_session_and_takes_a_post(client: Browser, employee: StaffMember) -> None:
    sign_in(client, employee)
    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out"))["Location"] == reverse("sign-in")
    assert not Session.objects.filter(user=employee.user).exists()
    assert client.post(reverse("sign-out")).status_code == 302, "works although nobody is signed in"


def test_after_signing_in_one_is_where_one_wanted_to_go(client: Browser, administrator: StaffMember) -> None:
    wanted = reverse("privacy:settings")
    url = client.get(wanted)["Location"]
    assert attempt(client, administrator, url, next=wanted)["Location"] == wanted


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(client: Browser, employee: StaffMember, target: str) -> None:
    assert attempt(client, employee, next=target)["Location"] == "/"


def test_the_session_key_changes_with_the_sign_in(client: Browser, employee: StaffMember) -> None:
    client.get(reverse("sign-in"))
    before = client.session.session_key
    attempt(client, employee)
    assert client.session.session_key != before


def test_a_form_without_a_token_is_refused_with_the_reason(employee: StaffMember) -> None:
    answer = attempt(Browser(enforce_csrf_checks=True), employee)
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_signed_in_pages_are_kept_by_no_cache(client: Browser, employee: StaffMember) -> None:
    sign_in(client, employee)
    assert "no-store" in client.get(reverse("clients:list"))["Cache-Control"]


def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(client: Browser, employee: StaffMember) -> None:
    url = reverse("users:consequences", args=[make.make_client(employee.club).pk])
    answer = client.get(url, headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == reverse("sign-in")


def test_pages_carry_no_inline_code(client: Browser, administrator: StaffMember, settled_record) -> None:
    sign_in(client, administrator)
    for url in (
        reverse("clients:list"),
        reverse("clients:profile", args=[settled_record.client.pk]),
        reverse("clients:information", args=[settled_record.client.pk]) + "?delete=on",
        reverse("users:edit", args=[settled_record.client.pk]),
        reverse("privacy:settings"),
    ):
        page = client.get(url)
        body = page.content.decode()
        assert "style=" not in body
        assert "<style" not in body
        assert "onclick" not in body
        assert "<script>" not in body
        assert "default-src 'self'" in page["Content-Security-Policy"]


def test_what_does_not_exist_is_said_kindly(client: Browser, employee: StaffMember) -> None:
    sign_in(client, employee)
    for url in ("/no/such/page/", "/clients/999999999/", "/clients/99999999999999999999999/"):
        answer = client.get(url)
        assert answer.status_code == 404
        assert "Not found" in answer.content.decode()
