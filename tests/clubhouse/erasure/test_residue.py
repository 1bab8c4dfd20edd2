"""Residue (row N1): the person's actual former values, searched for in the whole database and the file store."""

from __future__ import annotations

import json

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clubhouse.clients.models import Client, ClientNote
from lethe import outbox, pipeline
from lethe.plan import plan_for
from lethe.residue import CERTAIN, WEAK, Place, search, values_of
from tests.support import factories as make
from tests.support.record import Record

pytestmark = pytest.mark.django_db


def places(client: Client) -> set[tuple[str, str, str, int]]:
    """Where the client's values stand outside the plan."""
    return {(p.model or p.table, p.key, p.column, p.strength) for p in pipeline.residue(Client, [client.pk])}


def test_what_the_plan_covers_is_no_residue(client_record: Record) -> None:
    assert places(client_record.client) == set()


@pytest.mark.parametrize(
    "spelling",
    [
        lambda c: f"Came with {c.first_name} {c.last_name} today.",
        lambda c: f"CAME WITH {c.first_name} {c.last_name} TODAY".upper().replace("Ë", "E"),
        lambda c: f"write to {c.email.upper()}, please",
        lambda c: f"call {c.mobile_no.replace(' ', '-')} after six",
        lambda c: "call 0044" + c.mobile_no.replace(" ", "").removeprefix("+44"),
    ],
)
def test_a_note_about_somebody_else_that_names_the_person(client_record: Record, spelling) -> None:
    note = ClientNote.objects.create(client=client_record.waiting, text=spelling(client_record.client))
    assert ("clients.ClientNote", str(note.pk), "text", CERTAIN) in places(client_record.client)


def test_a_first_name_alone_says_little_and_a_part_of_a_word_nothing(client_record: Record) -> None:
    name = client_record.client.first_name
    note = ClientNote.objects.create(client=client_record.waiting, text=f"Came with {name} today.")
    other = ClientNote.objects.create(client=client_record.waiting, text=f"Came with {name}athan today.")
    found = places(client_record.client)
    assert ("clients.ClientNote", str(note.pk), "text", WEAK) in found
    assert not any(key == str(other.pk) for model, key, *_ in found if model == "clients.ClientNote")


def test_another_client_with_the_same_name_is_another_client(client_record: Record) -> None:
    twin = make.make_client(client_record.client.home_club)
    Client.objects.filter(pk=twin.pk).update(
        first_name=client_record.client.first_name, last_name=client_record.client.last_name
    )
    assert places(client_record.client) == set()


def test_a_table_that_no_model_knows(client_record: Record) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE old_mailing (id integer PRIMARY KEY, line text)")
        cursor.execute("INSERT INTO old_mailing VALUES (7, %s)", [f"to {client_record.client.email}"])
    assert ("old_mailing", "7", "line", CERTAIN) in places(client_record.client)


def test_a_file_by_its_content_and_by_its_name(client_record: Record) -> None:
    inside = default_storage.save("exports/list.csv", ContentFile(f"x;{client_record.client.email}\n".encode()))
    named = default_storage.save(f"exports/{client_record.client.last_name.lower()}.txt", ContentFile(b"nothing"))
    found = {key for model, key, *_ in places(client_record.client) if not model}
    assert found == {inside, named}


def test_found_again_after_the_erasure_with_the_values_from_before(settled_record: Record) -> None:
    plan, key = plan_for(Client), settled_record.client.pk
    note = ClientNote.objects.create(client=settled_record.friend, text=f"friend of {settled_record.client.email}")
    values = values_of(plan, [key])
    pipeline.erase(Client, [key], by="account:1", reason="asked at the desk")
    outbox.drain()
    found = {(p.model, p.key) for p in search(plan, [key], values=values)}
    # The note itself, and its audit, which holds the same words.
    assert ("clients.ClientNote", str(note.pk)) in found
    assert {model for model, _ in found} == {"clients.ClientNote", "audits.LogEntry"}


def test_a_place_never_holds_a_value(client_record: Record) -> None:
    client = client_record.client
    ClientNote.objects.create(client=client_record.waiting, text=f"Came with {client.email}")
    said = repr(pipeline.residue(Client, [client.pk]))
    for value in (client.email, client.first_name, client.last_name):
        assert value not in said
    assert isinstance(pipeline.residue(Client, [client.pk])[0], Place)


def test_thousands_in_one_pass(client_record: Record) -> None:
    """The search reads every table once, however many people it is for."""
    others = [make.make_client(client_record.client.home_club) for _ in range(20)]

    def queries(ids: list[int]) -> int:
        values = values_of(plan_for(Client), ids)
        with CaptureQueriesContext(connection) as captured:
            search(plan_for(Client), ids, values=values)
        return len(captured)

    assert queries([client_record.client.pk]) == queries([client_record.client.pk, *(other.pk for other in others)])


def test_on_the_command_line(client_record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    ClientNote.objects.create(client=client_record.waiting, text=f"Came with {client_record.client.email}")
    call_command("lethe", "residue", f"clients.Client:{client_record.client.pk}", json=True)
    said = capsys.readouterr().out
    assert {place["column"] for place in json.loads(said)["places"]} == {"text", "changes"}
    assert client_record.client.email not in said
