"""What an erasure leaves for the desk: listed by key, settled where it leads, ticked off by itself or by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.billing.models import Payment
from clubhouse.clients.models import Client
from clubhouse.messages.services import write_tasks
from clubhouse.navigation import tasks_to_do
from clubhouse.schedule.models import Club
from clubhouse.tasks import selectors, services
from clubhouse.tasks.models import Task
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support import factories as make
from tests.support.dump import logical_dump
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
LIST = "/tasks/"


@pytest.fixture
def browser(administrator: StaffMember) -> Browser:
    return sign_in(Browser(), administrator)


@pytest.fixture
def left(club: Club, administrator: StaffMember) -> tuple[Client, Client]:
    """A child who lost the payer and the guardian, and the parent, erased."""
    let_all_pass(club.business)
    child, parent = make.make_client(club), make.make_client(club, last_name="Unforgettable")
    make.make_membership(child, paid_by=parent)
    for kind in ("paid_by", "guardian"):
        make.make_linking(kind, child, parent)
    pipeline.erase(Client, [parent.pk], by="role:test", reason="asked")
    return child, parent


def listed(staff: StaffMember) -> list[tuple[str, int]]:
    return [(task.kind, task.client_id) for task in selectors.open_tasks(staff)]


def test_an_erasure_leaves_tasks_with_nobodys_name(
    left: tuple[Client, Client], administrator: StaffMember, browser: Browser
) -> None:
    child, _parent = left
    assert sorted(listed(administrator)) == [("needs_guardian", child.pk), ("needs_payer", child.pk)]
    assert tasks_to_do(administrator) == 2
    page = browser.get(LIST).text
    assert page.count(child.display_name) >= 2
    assert "Needs a new payer" in page
    assert "Needs a guardian" in page
    assert "Unforgettable" not in page
    assert b"nforgettable" not in logical_dump(connection)
    inbox = browser.get(reverse("messages:inbox")).text
    assert ">2<span" in inbox.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize(("side", "kind"), [("paid_by", "needs_payer"), ("guardian", "needs_guardian")])
def test_another_one_settles_it(
    side: str, kind: str, left: tuple[Client, Client], browser: Browser, administrator: StaffMember, club: Club
) -> None:
    child, other = left[0], make.make_client(club)
    assert reverse("clients:add-linking", args=[child.pk]) + f"?side={side}" in browser.get(LIST).text
    browser.post(reverse("clients:add-linking", args=[child.pk]), {"side": side, "other": other.pk})
    assert kind not in dict(listed(administrator))
    assert services.tick_settled(timezone.now()) == 1
    task = Task.objects.get(kind=kind)
    assert (task.done_at is not None, task.done_by) == (True, None)
    assert services.tick_settled(timezone.now()) == 0


def test_nothing_to_pay_for_settles_the_payer(left: tuple[Client, Client], administrator: StaffMember) -> None:
    child, _parent = left
    child.memberships.update(status="cancelled")
    assert listed(administrator) == [("needs_guardian", child.pk)]
    make.make_invoice(child)
    assert len(listed(administrator)) == 2


def test_by_hand_and_once(left: tuple[Client, Client], browser: Browser, administrator: StaffMember) -> None:
    task = Task.objects.get(kind="needs_payer")
    url = reverse("tasks:finish", args=[task.pk])
    Task.objects.create(kind=task.kind, client=task.client, created_at=timezone.now())
    assert len(listed(administrator)) == 2
    said = [str(list(get_messages(browser.post(url).wsgi_request))[-1]) for _ in range(2)]
    assert said == ["The task is done.", "The task was done already."]
    assert set(Task.objects.filter(kind="needs_payer").values_list("done_by", flat=True)) == {administrator.pk}
    assert [kind for kind, _ in listed(administrator)] == ["needs_guardian"]


def test_a_task_that_had_to_wait_is_made_once(club: Club, administrator: StaffMember) -> None:
    child, gone = make.make_client(club), make.make_client(club)
    make.make_membership(child)
    Client.objects.filter(pk=gone.pk).update(status="deleted")
    wanted = [("needs_payer", child.pk), ("needs_payer", gone.pk), ("needs_guardian", child.pk)]
    for _ in range(2):
        write_tasks(wanted)
    assert sorted(Task.objects.values_list("kind", "client")) == [
        ("needs_guardian", child.pk),
        ("needs_payer", child.pk),
    ]


def test_who_is_erased_has_no_task_any_more(left: tuple[Client, Client]) -> None:
    child, _parent = left
    assert Task.objects.filter(client=child).exists()
    pipeline.erase(Client, [child.pk], by="role:test", reason="asked")
    outbox.drain()
    assert not Task.objects.exists()


def test_failed_payments_and_refunds_lead_to_their_invoice(browser: Browser, club: Club, employee: StaffMember) -> None:
    client = make.make_client(club)
    failed, paid = make.make_invoice(client, "failed"), make.make_invoice(client, "paid")
    Payment.objects.filter(invoice=paid).update(provider_reference="pi_1")
    Payment.objects.create(
        invoice=paid, amount=5, status="no_refund", paid_on=make.today(), provider_reference="pi_1", method="card"
    )
    page = browser.get(LIST).text
    assert reverse("billing:invoice", args=[failed.pk]) in page
    assert reverse("billing:invoice", args=[paid.pk]) + "#payments" in page
    assert "Failed payments" not in sign_in(Browser(), employee).get(LIST).text
    browser.post(reverse("billing:pay-invoice", args=[failed.pk]), {"amount": "39", "method": "cash"})
    payment = Payment.objects.get(invoice=paid, status="succeeded")
    browser.post(reverse("billing:refund-payment", args=[payment.pk]), {"amount": "5", "method": "cash"})
    page = browser.get(LIST).text
    assert "Nothing to do" in page


# --- who may ----------------------------------------------------------------------------------------------------------
def test_everybody_who_may_and_may_not(
    left: tuple[Client, Client], club: Club, stranger: StaffMember, manager: StaffMember, member: Client
) -> None:
    child, _parent = left
    finish = reverse("tasks:finish", args=[Task.objects.filter(client=child).first().pk])
    elsewhere = make.make_staff(club.business, "manager", club=make.make_club(club.business))
    without = make.make_staff(club.business, access_group=make.make_group(club.business, contacts=False))

    def statuses(who: StaffMember | Client | None) -> tuple[int, int]:
        browser = sign_in(Browser(), who) if who else Browser()
        return browser.get(LIST).status_code, browser.post(finish).status_code

    assert statuses(None) == (302, 302)
    assert statuses(member) == (403, 403)
    assert statuses(without) == (403, 403)
    for outsider in (stranger, elsewhere):
        assert statuses(outsider) == (200, 404)
        assert child.display_name not in sign_in(Browser(), outsider).get(LIST).text
        assert tasks_to_do(outsider) == 0
    assert sign_in(Browser(), manager).post(LIST).status_code == 405
    assert sign_in(Browser(), manager).get(finish).status_code == 405
    assert Task.objects.filter(done_at=None).count() == 2
    assert statuses(manager) == (200, 302)


def test_queries_are_the_same_for_few_rows_and_for_many(browser: Browser, club: Club) -> None:
    counts: list[int] = []
    measure: list[Callable[[], object]] = [
        lambda: browser.get(LIST),
        lambda: services.tick_settled(timezone.now()),
    ]
    for number in (2, 60):
        children = [make.make_client(club) for _ in range(number)]
        for child in children:
            make.make_membership(child)
            make.make_invoice(child, "failed")
        with CaptureQueriesContext(connection) as queries:
            services.open_tasks([("needs_payer", child.pk) for child in children], now=timezone.now())
            for act in measure:
                act()
        counts.append(len(queries))
    assert counts[0] == counts[1]
