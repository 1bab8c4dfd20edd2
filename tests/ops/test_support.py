"""The tests' own tools: a canary search that cannot see is worth nothing."""

from __future__ import annotations

import smtplib
from dataclasses import fields
from pathlib import Path

import pytest
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection

from clubhouse.schedule.models import Club
from tests.support.canaries import Canaries
from tests.support.dump import folder_bytes, logical_dump, raw_dump
from tests.support.factories import make_business, make_client, make_club
from tests.support.mail import Sink
from tests.support.record import make_record


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("settled", [False, True])
def test_a_dump_and_the_media_folder_show_every_value_of_a_record(media: Path, settled: bool) -> None:
    record = make_record(make_club(make_business()), settled=settled)
    stored = raw_dump(connection) + folder_bytes(media)
    assert set(record.canaries.found_in(stored)) == {field.name for field in fields(Canaries)}


@pytest.mark.django_db(transaction=True)
def test_a_stranger_to_the_database_is_not_found_in_it(media: Path) -> None:
    make_record(make_club(make_business()))
    assert Canaries().found_in(raw_dump(connection) + folder_bytes(media)) == []


@pytest.mark.django_db(transaction=True)
def test_rows_are_dumped_even_where_the_file_is_left_out() -> None:
    values = Canaries()
    make_client(make_club(make_business()), **values.client_fields())
    assert {"first_name", "email", "tag", "mobile_no"} <= set(values.found_in(logical_dump(connection)))


@pytest.mark.parametrize("spelling", ["+447123456789", "07123456789", "0044 7123 456789".replace(" ", "")])
def test_a_telephone_number_is_found_in_any_notation(spelling: str) -> None:
    values = Canaries(mobile_no="+44 7123 456789")
    assert values.found_in(f"INSERT ('{spelling}')".encode()) == ["mobile_no"]


def test_a_name_is_found_folded_and_escaped() -> None:
    values = Canaries(first_name="Zoë-Abcdef", last_name="O'Quillxyz")
    assert values.found_in(b"zoe-abcdef") == ["first_name"]
    assert values.found_in(rb'["Zo\u00eb-Abcdef"]') == ["first_name"]
    assert values.found_in(b"'O''Quillxyz'") == ["last_name"]


def test_two_people_share_no_value() -> None:
    one, two = Canaries(), Canaries()
    assert [field.name for field in fields(Canaries) if getattr(one, field.name) == getattr(two, field.name)] == []


def test_the_mail_sink_is_a_server_that_keeps_what_it_is_sent(mail_sink: Sink) -> None:
    send_mail("A place is free", "Tuesday, 10:00", "club@example.com", ["trainer@example.com"])
    assert mail_sink.recipients == ["trainer@example.com"]
    assert mail_sink.messages[0]["Subject"] == "A place is free"
    assert b"Tuesday, 10:00" in mail_sink.raw()
    with smtplib.SMTP("127.0.0.1", mail_sink.port, timeout=5) as server:
        assert server.noop()[0] == 250


@pytest.mark.django_db
def test_the_test_database_waits_for_a_writer_instead_of_failing(club: Club) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        assert connection.settings_dict["NAME"] != ":memory:"
    else:
        assert connection.vendor == "postgresql"
    assert Club.objects.filter(pk=club.pk).exists()


def test_the_suite_never_sees_the_data_of_who_runs_it() -> None:
    assert settings.PASSWORD_HASHERS == ["tests.support.hashers.QuickArgon2"]
    assert Path(settings.DATA_DIR).name.startswith("clubhouse-tests-")
