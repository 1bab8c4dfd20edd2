"""Notes on a client, and the trainers who look after one."""

from __future__ import annotations

import datetime

from django.db import transaction

from clubhouse.accounts.permissions import is_administrator
from clubhouse.clients.models import Client, ClientNote, ClientTrainer
from clubhouse.clients.services import ErasedClientError
from clubhouse.sets import hold_clients
from clubhouse.team.models import StaffMember

#: The longest note, in characters.
LONGEST = 4000


def may_change(staff: StaffMember, note: ClientNote) -> bool:
    """Who wrote a note may change it, and administrators may."""
    return note.author_id == staff.pk or is_administrator(staff)


@transaction.atomic
def add_note(client: Client, author: StaffMember, text: str, *, once_key: str) -> bool:
    """Write a note; returns False where the same form has written it already. Raises ``ErasedClientError``."""
    _hold(client)
    values = {"client": client, "author": author, "text": text}
    return ClientNote.objects.get_or_create(once_key=once_key, defaults=values)[1]


@transaction.atomic
def change_note(note: ClientNote, text: str, *, now: datetime.datetime) -> None:
    """Write a note anew. The audits keep what it said, until the client is erased. Raises ``ErasedClientError``."""
    _hold(note.client)
    note.text, note.edited_at = text, now
    note.save(update_fields=["text", "edited_at"])


@transaction.atomic
def delete_note(note: ClientNote) -> None:
    """Delete a note. Raises ``ErasedClientError``."""
    _hold(note.client)
    note.delete()


@transaction.atomic
def add_trainer(client: Client, trainer: StaffMember) -> bool:
    """Let a trainer look after a client; returns False for one who does. Raises ``ErasedClientError``."""
    _hold(client)
    return ClientTrainer.objects.get_or_create(client=client, trainer=trainer)[1]


@transaction.atomic
def remove_trainer(link: ClientTrainer) -> None:
    """End that a trainer looks after a client. Raises ``ErasedClientError``."""
    _hold(link.client)
    link.delete()


def _hold(client: Client) -> None:
    if not hold_clients([client.pk], using="default"):
        raise ErasedClientError
