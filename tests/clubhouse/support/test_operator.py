"""The operator compares, asks again, and deletes only where all matches exactly, under the lock too (row F4)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.support import exceptions, services
from clubhouse.support.models import Case, CaseStep
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.models import Effect, Receipt
from tests.clubhouse.member.pages import hidden
from tests.clubhouse.support.requests import send, sent
from tests.clubhouse.support.test_request import assert_empty
from tests.support import factories as make
from tests.support.canaries import Canaries, word
from tests.support.dump import logical_dump
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def at(name: str, case: Case) -> str:
    return reverse(f"operator:{name}", args=[case.pk])


@pytest.fixture
def console(client: Browser, operator: User) -> Browser:
    return sign_in(client, operator)


def test_all_match_opens_the_deletion_and_deletes(
    console: Browser, case: Case, person: Client, operator: User, media: Path
) -> None:
    page = console.get(at("case", case)).content.decode()
    assert page.count("chip--good") == 4, "three details, and the request's own state"
    assert page.count(person.email) == 2, "what was sent beside what is on the record"
    shot = console.get(at("screenshot", case))
    assert b"".join(shot.streaming_content).startswith(b"\x89PNG")
    [close() for close in shot._resource_closers]
    assert console.get(at("deletion", case))["Location"] == at("case", case), "not opened yet"
    for _ in range(2):
        assert console.post(at("open", case))["Location"] == at("deletion", case)
    page = console.get(at("deletion", case)).content.decode()
    assert "cannot be brought back" in page
    order = {"fingerprint": hidden(page, "fingerprint")}
    assert console.post(at("deletion", case)).status_code == 409, "without the preview that was shown"
    for _ in range(2):
        assert console.post(at("deletion", case), order)["Location"] == at("case", case)
    outbox.drain()
    person.refresh_from_db()
    assert (person.first_name, person.status) == ("[deleted]", "deleted")
    assert_empty(case, "deleted", media)
    receipt = Receipt.objects.select_related("run").get()
    assert case.receipt == receipt.number
    assert (receipt.run.by, receipt.run.reason) == (f"account:{operator.pk}", services.REASON)
    assert [(step.kind, step.role) for step in case.steps.order_by("pk")] == [
        ("sent", "colleague"),
        ("opened", "operator"),
        ("deleted", "operator"),
    ]
    assert receipt.number in console.get(at("case", case)).content.decode()
    assert console.get(at("screenshot", case)).status_code == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"typed_name": "Zoe O'Quill"},
        {"typed_name": "zoë o'quill"},
        {"typed_email": "zoe.oquill@example.com"},
        {"typed_id": "k-77"},
        {"typed_id": "K-7"},
    ],
    ids=["an accent", "capitals", "capitals of the address", "capitals of the id", "another id"],
)
def test_a_mismatch_is_answered_with_what_to_send(
    console: Browser, employee: StaffMember, person: Client, changed: dict[str, str]
) -> None:
    case = send(employee, person, **changed)
    page = console.get(at("case", case)).content.decode()
    assert "No match" in page
    assert "Open the deletion" not in page
    assert console.post(at("open", case))["Location"] == at("case", case)
    assert console.get(at("deletion", case))["Location"] == at("case", case)
    console.post(at("ask", case))
    case.refresh_from_db()
    assert case.state == "answered"
    sign_in(console, employee)
    told = console.get(reverse("support:case", args=[case.pk])).content.decode()
    assert "letter for letter" in told
    for value in (person.display_name, person.email, person.last_name):
        assert value not in told, "what the right value is, is said to nobody"
    assert console.post(reverse("support:case", args=[case.pk]), sent(person)).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.client) == ("open", person)
    assert [step.kind for step in case.steps.order_by("pk")] == ["sent", "asked", "corrected"]
    outbox.drain()
    assert not Effect.objects.filter(done_at=None).exists(), "the first screenshot is gone"


def test_the_match_is_checked_on_the_server(case: Case, operator: User, person: Client) -> None:
    order = {"by": operator, "fingerprint": look(person).fingerprint}
    with pytest.raises(exceptions.AlreadyClosed):
        services.delete(case, **order)
    Case.objects.update(state="opened", typed_name="Somebody Else")
    with pytest.raises(exceptions.NoMatch):
        services.delete(case, **order)
    person.refresh_from_db()
    assert person.status == "active"


@pytest.mark.parametrize("field", ["first_name", "email", "number"])
def test_the_match_is_checked_under_the_lock(
    case: Case, operator: User, person: Client, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """A detail that changes after the comparison, before the lock: the erasure is rolled back."""
    Case.objects.update(state="opened")
    preview = look(person)

    def erase_after_a_change(*args: object, **kwargs: object) -> object:
        Client.objects.filter(pk=person.pk).update(**{field: "changed@example.com"})
        return erase(*args, **kwargs)

    monkeypatch.setattr(services, "erase", erase_after_a_change)
    with pytest.raises(exceptions.NoMatch):
        services.delete(case, by=operator, fingerprint=preview.fingerprint)
    person.refresh_from_db()
    case.refresh_from_db()
    assert (person.status, case.state) == ("active", "opened")
    assert case.typed_email == "Zoe.OQuill@example.com"


def test_a_blocked_client_shows_the_checklist(console: Browser, employee: StaffMember, person: Client) -> None:
    make.make_membership(person)
    case = send(employee, person)
    console.post(at("open", case))
    page = console.get(at("deletion", case)).content.decode()
    assert "Account deletion checklist" in page
    assert "Active membership" in page
    assert "Confirm" not in page
    assert reverse("clients:profile", args=[person.pk]) not in page
    refused = console.post(at("deletion", case), {"fingerprint": look(person).fingerprint})
    assert refused.status_code == 409
    person.refresh_from_db()
    assert person.status == "active"


def test_what_changed_since_the_preview_is_said(console: Browser, case: Case, person: Client) -> None:
    console.post(at("open", case))
    old = look(person).fingerprint
    make.make_booking(make.make_session(person.home_club, days=-2), person)
    answer = console.post(at("deletion", case), {"fingerprint": old})
    assert answer.status_code == 409
    assert "Changed since the preview" in answer.content.decode()


def test_an_administrator_who_comes_closes_the_operators_way(
    console: Browser, case: Case, person: Client, operator: User, administrator: StaffMember
) -> None:
    assert "has an administrator" in console.get(at("case", case)).content.decode()
    assert console.post(at("open", case))["Location"] == at("case", case)
    Case.objects.update(state="opened")
    with pytest.raises(exceptions.HasAdministrator):
        services.delete(case, by=operator, fingerprint=look(person).fingerprint)


def test_closed_without_a_deletion(console: Browser, case: Case, media: Path) -> None:
    for _ in range(2):
        assert console.post(at("refuse", case)).status_code == 302
    outbox.drain()
    assert_empty(case, "refused", media)
    assert console.post(at("ask", case)).status_code == 302
    case.refresh_from_db()
    assert case.state == "refused", "a closed request stays closed"


def test_another_door_closes_the_request(employee: StaffMember, person: Client, media: Path) -> None:
    """Erased by an administrator, the member or a retention rule: what was typed goes in the same transaction."""
    by_id = send(employee, person, typed_email="other@example.com")
    by_address = send(employee, person, typed_id="another")
    bystander = send(employee, make.make_client(person.home_club))
    assert (by_address.client, by_address.addressed) == (None, person)
    found = pipeline.preview(Client, [person.pk])
    pipeline.erase(Client, [person.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
    outbox.drain()
    for case in (by_id, by_address):
        case.refresh_from_db()
        assert (case.state, case.typed_name, case.typed_email, case.typed_id) == ("deleted", "", "", "")
        assert case.steps.get(kind="deleted").role == "elsewhere"
        assert not case.screenshot
    bystander.refresh_from_db()
    assert bystander.state == "open"
    assert bystander.screenshot.storage.exists(bystander.screenshot.name)


def test_no_column_of_a_request_keeps_a_value_of_the_person(employee: StaffMember, person: Client) -> None:
    """Canaries in every column that is typed, present before and absent after."""
    values = Canaries()
    Client.objects.filter(pk=person.pk).update(
        first_name=values.first_name, last_name=values.last_name, email=values.email, number=values.number
    )
    person.refresh_from_db()
    other_name = word("Othername")
    case = send(employee, person, typed_name=other_name)
    key = case.screenshot.name
    before = logical_dump(connection) if connection.vendor == "sqlite" else str(Case.objects.values()).encode()
    assert {"email", "number"} <= set(values.found_in(before))
    assert other_name.encode() in before
    found = pipeline.preview(Client, [person.pk])
    pipeline.erase(Client, [person.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
    outbox.drain()
    after = logical_dump(connection) if connection.vendor == "sqlite" else str(Case.objects.values()).encode()
    assert values.found_in(after) == []
    assert other_name.encode() not in after
    assert key.encode() not in after
    assert not case.screenshot.storage.exists(key)


def test_the_console_takes_the_same_queries_for_few_and_many(
    console: Browser, employee: StaffMember, person: Client
) -> None:
    counts = []
    for number in (2, 15):
        for _ in range(number):
            send(employee, person)
        with CaptureQueriesContext(connection) as queries:
            assert console.get(reverse("operator:cases")).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    counts = []
    for _ in range(2):
        CaseStep.objects.bulk_create(
            CaseStep(case=Case.objects.first(), kind="asked", role="operator") for _ in range(20)
        )
        with CaptureQueriesContext(connection) as queries:
            console.get(at("case", Case.objects.first()))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_an_erasure_takes_the_same_statements_for_few_and_many_requests(employee: StaffMember, person: Client) -> None:
    other = make.make_client(person.home_club)
    send(employee, person)
    for _ in range(12):
        send(employee, other)
    counted = []
    for client in (person, other):
        found = pipeline.preview(Client, [client.pk])
        done = pipeline.erase(Client, [client.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
        counted.append(done.statements)
    assert counted[0] == counted[1]


def test_the_command_makes_an_operator_and_renews_the_password(
    monkeypatch: pytest.MonkeyPatch, client: Browser
) -> None:
    for password in ("a long first password", "a long second password"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        call_command("make_operator", "run@example.com", stdout=io.StringIO())
        assert User.objects.get(audience="operator").check_password(password)
    for email, password, says in (
        ("nobody", "a long password", "valid email"),
        ("a@example.com", "short", "too short"),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        with pytest.raises(CommandError, match=says):
            call_command("make_operator", email)
    assert User.objects.count() == 1
