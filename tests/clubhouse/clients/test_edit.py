"""Editing a record, from both doors."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from auditlog.registry import auditlog
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.clients import services
from clubhouse.clients.forms import ClientForm
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in


def filled(record: Client, **changes: Any) -> dict[str, Any]:
    """The form as the browser would send it."""
    form = ClientForm(instance=record, may_delete=False)
    sent = {name: form[name].value() for name in form.fields}
    sent["tags"] = ", ".join(sent["tags"])
    values = {name: value for name, value in sent.items() if value not in (None, False)}
    return values | changes


@pytest.mark.parametrize("door", ["clients", "users"])
def test_a_record_is_updated(client: Browser, administrator: StaffMember, club: Club, door: str) -> None:
    record = make.make_client(club, notes="kept")
    sign_in(client, administrator)
    url = reverse(f"{door}:edit", args=[record.pk])
    assert client.get(url).status_code == 200
    answer = client.post(url, filled(record, last_name="Nieuw", tags="vip, vip , ,new", dob="1990-02-03", town="Ely"))
    assert answer["Location"] == reverse(f"{door}:profile", args=[record.pk])
    record.refresh_from_db()
    assert (record.last_name, record.tags, record.town, record.notes) == ("Nieuw", ["vip", "new"], "Ely", "kept")
    assert record.dob == datetime.date(1990, 2, 3)
    assert "nieuw" in record.search_text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_name": ""}, "first_name"),
        ({"email": "no address"}, "email"),
        ({"dob": "2999-01-01"}, "dob"),
        ({"dob": "yesterday"}, "dob"),
        ({"status": "nonsense"}, "status"),
        ({"home_club": "999999"}, "home_club"),
        ({"last_name": "a\x00b"}, "last_name"),
    ],
)
def test_what_is_wrong_is_named_and_linked(
    client: Browser, employee: StaffMember, club: Club, changes: dict[str, str], field: str
) -> None:
    record = make.make_client(club)
    sign_in(client, employee)
    answer = client.post(reverse("clients:edit", args=[record.pk]), filled(record, last_name="Unsaved") | changes)
    assert answer.status_code == 422
    assert f'href="#id_{field}"' in answer.content.decode()
    record.refresh_from_db()
    assert record.last_name != "Unsaved"


def test_an_address_belongs_to_one_client_of_a_business(client: Browser, employee: StaffMember, club: Club) -> None:
    taken = make.make_client(club)
    record = make.make_client(club)
    elsewhere = make.make_client(make.make_club(make.make_business()))
    sign_in(client, employee)
    url = reverse("clients:edit", args=[record.pk])
    assert client.post(url, filled(record, email=taken.email.upper())).status_code == 422
    assert client.post(url, filled(record, email=elsewhere.email)).status_code == 302


def test_a_club_of_another_business_is_refused(client: Browser, employee: StaffMember, club: Club) -> None:
    record = make.make_client(club)
    foreign = make.make_club(make.make_business())
    sign_in(client, employee)
    assert (
        client.post(reverse("clients:edit", args=[record.pk]), filled(record, home_club=foreign.pk)).status_code == 422
    )


@pytest.mark.parametrize("role", ["employee", "administrator_without_delete"])
def test_without_the_permission_deleted_is_neither_offered_nor_taken(
    request: pytest.FixtureRequest, client: Browser, club: Club, role: str
) -> None:
    record = make.make_client(club)
    sign_in(client, request.getfixturevalue(role))
    url = reverse("clients:edit", args=[record.pk])
    assert 'value="deleted"' not in client.get(url).content.decode()
    assert client.post(url, filled(record, status="deleted")).status_code == 403
    record.refresh_from_db()
    assert record.status == "active"


def test_the_service_sets_no_deleted_status(club: Club) -> None:
    with pytest.raises(ValueError, match="erasure"):
        services.update_client(make.make_client(club).pk, {"status": "deleted"})


def test_services_and_form_refuse_an_erased_client(club: Club) -> None:
    erased, other = make.make_client(club), make.make_client(club)
    linking = make.make_linking("family", other, erased)
    Client.objects.filter(pk=erased.pk).update(status="deleted")
    erased.refresh_from_db()
    with pytest.raises(services.ErasedClientError, match="deleted and read-only"):
        services.update_client(erased.pk, {"town": "Ely"})
    with pytest.raises(services.ErasedClientError):
        services.remove_linking(linking)
    with pytest.raises(services.ErasedClientError):
        ClientForm(instance=erased, may_delete=True)
    assert ClientLinking.objects.exists()


def test_an_edit_is_audited(client: Browser, employee: StaffMember, club: Club) -> None:
    record = make.make_client(club)
    sign_in(client, employee)
    client.post(reverse("clients:edit", args=[record.pk]), filled(record, town="Ely"))
    assert auditlog.contains(Client)
    from auditlog import get_logentry_model

    entry = get_logentry_model().objects.get_for_object(record).order_by("-pk").first()
    assert entry.changes["town"] == ["", "Ely"]
    assert entry.actor == employee.user
