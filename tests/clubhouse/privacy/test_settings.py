"""How a business deletes: its way, each blocker, the erased address, Deleted Clients."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

URL = "/privacy/settings/"


def sent(**changes: str) -> dict[str, str]:
    return {"deletion_mode": "settle_first", "email_domain": "erased.invalid", "show_deleted": "on"} | changes


@pytest.fixture
def signed_in(client: Browser, administrator: StaffMember) -> Browser:
    return sign_in(client, administrator)


def test_the_settings_are_kept_and_shown_again(signed_in: Browser, business: Business, stranger: StaffMember) -> None:
    answer = signed_in.post(
        URL,
        {
            "deletion_mode": "cancel_and_erase",
            "email_domain": "@Gone.Example.COM",
            "blocker_debts": "blocks",
            "blocker_paid_by": "passes",
        },
    )
    assert answer["Location"] == URL
    business.refresh_from_db()
    assert business.deletion_mode == "cancel_and_erase"
    assert business.blocker_overrides == {"debts": True, "paid_by": False}
    assert business.erased_email_domain == "gone.example.com"
    assert not business.show_deleted_clients
    other = Business.objects.get(pk=stranger.business_id)
    assert (other.deletion_mode, other.blocker_overrides) == ("settle_first", {})
    page = signed_in.get(URL).content.decode()
    assert '<option value="passes" selected>' in page
    signed_in.post(URL, sent())
    business.refresh_from_db()
    assert business.blocker_overrides == {}


@pytest.mark.parametrize(
    "domain", ["", "someone@example.com", "localhost", "exa mple.com", "-a.com", "a..b", "a" * 300]
)
def test_a_domain_that_is_none_is_refused_with_the_cure(signed_in: Browser, business: Business, domain: str) -> None:
    answer = signed_in.post(URL, sent(email_domain=domain))
    assert answer.status_code == 422
    assert 'href="#id_email_domain"' in answer.content.decode()
    business.refresh_from_db()
    assert business.erased_email_domain == "erased.invalid"


def test_an_unknown_way_is_refused(signed_in: Browser, business: Business) -> None:
    assert signed_in.post(URL, sent(deletion_mode="nonsense")).status_code == 422
    assert signed_in.post(URL, sent(blocker_debts="nonsense")).status_code == 422


def test_an_override_changes_the_scan(signed_in: Browser, business: Business) -> None:
    record = make.make_client(make.make_club(business))
    make.make_membership(record)
    url = reverse("clients:information", args=[record.pk]) + "?delete=on"
    assert "Account deletion checklist" in signed_in.get(url).content.decode()
    signed_in.post(URL, sent(blocker_active_membership="passes"))
    assert "Account deletion checklist" not in signed_in.get(url).content.decode()


def test_the_erased_address_uses_the_domain(signed_in: Browser, business: Business, administrator: StaffMember) -> None:
    from clubhouse.privacy.selectors import look
    from clubhouse.privacy.services import erase

    signed_in.post(URL, sent(email_domain="gone.example.com"))
    record = make.make_client(make.make_club(business))
    erase(record, by=administrator.user, reason="test", fingerprint=look(record).fingerprint)
    record.refresh_from_db()
    assert record.email.endswith("@gone.example.com")
