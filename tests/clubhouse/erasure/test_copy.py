"""The person's own copy (row P10): everything that would be erased, and nothing to act as the person with."""

from __future__ import annotations

import dataclasses
import io
import json
import stat
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clubhouse.clients.models import Client
from lethe import pipeline
from lethe.exceptions import SubjectNotFound
from tests.support.record import Record

pytestmark = pytest.mark.django_db

#: Values that would let whoever holds the copy act as the person, or that are inside the picture's own file.
LEFT_OUT = {"customer_token", "card_token", "session_key", "reset_token", "reset_asked", "image_text"}


def opened(record: Record) -> tuple[str, zipfile.ZipFile]:
    """The text of ``data.json`` and the archive."""
    stream = io.BytesIO()
    pipeline.export(Client, record.client.pk).write(stream)
    archive = zipfile.ZipFile(stream)
    return archive.read("data.json").decode(), archive


def test_every_value_that_is_erased_is_in_the_copy(client_record: Record) -> None:
    text, archive = opened(client_record)
    data = json.loads(text)
    missing = {
        field.name
        for field in dataclasses.fields(client_record.canaries)
        if json.dumps(str(getattr(client_record.canaries, field.name)), ensure_ascii=False).strip('"') not in text
    }
    assert missing == LEFT_OUT
    pictures = [name for name in archive.namelist() if name.startswith("files/")]
    assert len(pictures) == 3
    assert any(client_record.canaries.image_text.encode() in archive.read(name) for name in pictures)
    assert next(iter(data["data"])) == "clients.Client"


def test_secrets_are_in_no_copy(client_record: Record) -> None:
    text, _ = opened(client_record)
    user = client_record.client.user
    assert user is not None
    assert user.password not in text
    assert user.login not in text


def test_a_copy_holds_nobody_else(client_record: Record) -> None:
    text, _ = opened(client_record)
    for name in (client_record.friend.email, client_record.waiting.email, client_record.waiting.first_name):
        assert name
        assert name not in text


def test_nothing_is_left_to_copy_of_an_erased_person(settled_record: Record) -> None:
    key = settled_record.client.pk
    pipeline.erase(Client, [key], by="account:1", reason="asked at the desk")
    with pytest.raises(SubjectNotFound):
        pipeline.export(Client, key)
    with pytest.raises(SubjectNotFound):
        pipeline.export(Client, key + 1_000_000)


def test_a_fixed_number_of_queries(client_record: Record) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            pipeline.export(Client, client_record.client.pk)
        return len(captured)

    few = queries()
    client_record.client.client_notes.bulk_create(
        type(note)(client=client_record.client, text=f"note {number}")
        for note in client_record.client.client_notes.all()[:1]
        for number in range(200)
    )
    assert queries() == few


def test_on_the_command_line(client_record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, output = f"clients.Client:{client_record.client.pk}", tmp_path / "copy.zip"
    call_command("lethe", "export", target, output=str(output), json=True)
    assert json.loads(capsys.readouterr().out)["files"] == 3
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="name another file"):
        call_command("lethe", "export", target, output=str(output))
