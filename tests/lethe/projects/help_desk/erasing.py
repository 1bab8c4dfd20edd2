"""Somebody who wrote to the help desk, with a ticket, follow-ups and an attachment, is erased with nothing left."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db.models import Sum
from django.test import Client
from helpdesk.models import (
    CustomField,
    FollowUp,
    FollowUpAttachment,
    Queue,
    SavedSearch,
    Ticket,
    TicketCC,
    TicketChange,
    TicketCustomFieldValue,
)

from lethe import outbox
from lethe.install import install
from tests.lethe.projects import checking
from tests.support.canaries import word

pytestmark = pytest.mark.django_db

PLACES = (
    "username", "mail", "first", "last", "title", "description", "resolution", "followup", "comment", "message", "old",
    "new", "file", "content", "answer", "search", "cc",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _sealed(db: None) -> None:
    install("default")


def desk() -> tuple[Queue, CustomField, User]:
    """A queue, a question that it asks, and somebody who answers."""
    queue = Queue.objects.create(title="Repairs", slug=word("repairs"))
    field = CustomField.objects.create(name=word("room"), label="Room", data_type="varchar")
    staff = User.objects.create_superuser(word("staff"), f"{word('staff')}@example.com", "right")
    return queue, field, staff


def writer(words: dict[str, str], queue: Queue, field: CustomField, staff: User) -> User:
    """Somebody with an account whose ticket was worked at."""
    email = f"{words['mail']}@example.com"
    user = User.objects.create_user(
        words["username"], email, "right", first_name=words["first"], last_name=words["last"]
    )
    ticket = Ticket.objects.create(
        queue=queue,
        title=words["title"],
        submitter_email=email.upper(),
        description=words["description"],
        resolution=words["resolution"],
        assigned_to=staff,
    )
    for author in (user, staff):
        follow_up = FollowUp.objects.create(
            ticket=ticket,
            user=author,
            title=words["followup"],
            comment=words["comment"],
            message_id=words["message"],
            time_spent=datetime.timedelta(minutes=10),
        )
        TicketChange.objects.create(followup=follow_up, field="Owner", old_value=words["old"], new_value=words["new"])
        FollowUpAttachment.objects.create(
            followup=follow_up,
            file=ContentFile(words["content"].encode(), f"{words['file']}.txt"),
            filename=f"{words['file']}.txt",
            mime_type="text/plain",
            size=9,
        )
    TicketCustomFieldValue.objects.create(ticket=ticket, field=field, value=words["answer"])
    TicketCC.objects.create(ticket=ticket, email=f"{words['cc']}@example.com")
    SavedSearch.objects.create(user=user, title=words["search"], query="x")
    return user


def new() -> dict[str, str]:
    """A person's words."""
    return {place: word(place) for place in PLACES}


def worked() -> list[tuple[object, ...]]:
    """What the desk's statistics say."""
    return sorted(Ticket.objects.values_list("queue", "status", "priority", Sum("followup__time_spent")))


@pytest.mark.django_db(transaction=True)
def test_nothing_of_the_writer_is_left_and_the_desk_s_work_still_adds_up() -> None:
    assert checking.gate() == []
    media = Path(settings.MEDIA_ROOT)
    queue, field, staff = desk()
    other, words = new(), new()
    writer(other, queue, field, staff)
    before = checking.rows()
    user = writer(words, queue, field, staff)
    theirs = Ticket.objects.get(title=other["title"])
    TicketCC.objects.create(ticket=theirs, user=user)
    TicketCC.objects.create(ticket=theirs, email=user.email)
    statistics = worked()
    assert checking.left(words.values(), media) == set(words.values())

    assert checking.erase(User, user.pk).erased == 1
    outbox.drain()
    assert checking.left(words.values(), media) == set()
    assert checking.left(other.values(), media) == set(other.values())
    assert worked() == statistics
    after = checking.rows()
    assert {label: [row for row in rows if row not in after[label]] for label, rows in before.items()} == {
        label: [] for label in before
    }
    checking.assert_twice_is_once(User, user.pk)
    browser = Client()
    browser.force_login(staff)
    ticket = Ticket.objects.exclude(pk=theirs.pk).get()
    checking.pages_open(browser, f"/tickets/{ticket.pk}/", f"/tickets/{theirs.pk}/", "/dashboard/")


@pytest.mark.django_db(transaction=True)
def test_somebody_who_works_there_leaves_the_tickets_of_others_behind() -> None:
    queue, field, staff = desk()
    words = new()
    user = writer(words, queue, field, staff)
    ticket = Ticket.objects.get()
    queue.default_owner = staff
    queue.save()
    name = staff.username
    assert checking.left([name]) == {name}
    checking.erase(User, staff.pk)
    ticket.refresh_from_db()
    queue.refresh_from_db()
    assert (ticket.assigned_to, queue.default_owner) == (None, None)
    assert (ticket.title, ticket.description) == (words["title"], words["description"])
    assert FollowUp.objects.filter(user=user, comment=words["comment"]).count() == 1
    assert checking.left([name]) == set()


def test_many_writers_take_as_many_statements_as_one() -> None:
    queue, field, staff = desk()
    few = [writer(new(), queue, field, staff).pk]
    many = [writer(new(), queue, field, staff).pk for _ in range(4)]
    assert checking.erase(User, *few).statements == checking.erase(User, *many).statements
