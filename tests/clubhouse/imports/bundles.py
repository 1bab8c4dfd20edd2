"""Small bundles for the tests: every file with a row or two that can be taken, each row to be changed at will."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from PIL import Image

from clubhouse.imports import layout as files
from clubhouse.imports.layout import FILES
from clubhouse.imports.pipeline import import_bundle
from clubhouse.imports.report import Report

BUSINESS = "Lakeside"
Rows = list[dict[str, str]]

_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    files.CLUBS: {"club_id": "C1", "name": "Harbour", "timezone": "Europe/Berlin", "town": "Kiel"},
    files.TEAM: {
        "staff_id": "T1",
        "name": "Nora Trainer",
        "email": "nora@team.example",
        "role": "employee",
        "instructor": "yes",
        "access_group": "Coach",
        "delete_accounts": "no",
    },
    files.CLIENTS: {
        "client_id": "1000",
        "first_name": "Ada",
        "last_name": "Client",
        "status": "active",
        "joined_on": "2024-03-01",
        "home_club": "C1",
        "marketing_opt_in": "yes",
    },
    files.SESSIONS: {
        "session_id": "S1",
        "club_id": "C1",
        "kind": "class",
        "title": "Spin",
        "trainer_id": "T1",
        "starts_at": "2025-02-01T09:00:00Z",
        "minutes": "45",
        "capacity": "12",
        "status": "conducted",
    },
    files.BOOKINGS: {
        "booking_id": "B1",
        "session_id": "S1",
        "client_id": "1000",
        "booked_at": "2025-01-30T18:00:00Z",
        "status": "attended",
    },
    files.WAITING: {"session_id": "S1", "client_id": "1000", "position": "1", "joined_at": "2025-01-31T08:00:00Z"},
    files.MEMBERSHIPS: {
        "membership_id": "M1",
        "client_id": "1000",
        "plan": "Off-peak",
        "status": "active",
        "starts_on": "2025-01-01",
        "price": "39.00",
        "currency": "EUR",
        "provider_reference": "sub_1",
    },
    files.PACKAGES: {
        "package_id": "P1",
        "client_id": "1000",
        "name": "10 classes",
        "credits_total": "10",
        "credits_used": "3",
        "expires_on": "2027-01-01",
    },
    files.CREDITS: {"client_id": "1000", "amount": "5.50", "reason": "goodwill"},
    files.CARDS: {
        "client_id": "1000",
        "provider": "stripe",
        "customer_token": "cus_1",
        "card_token": "pm_1",
        "brand": "visa",
        "last4": "0042",
        "expires": "04/28",
    },
    files.IDENTITIES: {"client_id": "1000", "provider": "google", "subject": "000123"},
    files.PAYMENTS: {
        "payment_id": "I1",
        "client_id": "1000",
        "number": "INV-1",
        "description": "Membership",
        "amount": "39.00",
        "currency": "EUR",
        "status": "paid",
        "due_on": "2025-01-01",
        "billing_name": "Ada Client",
        "billing_address": "1 Quay, Kiel",
    },
    files.PHOTOS: {"client_id": "1000", "photo": "one.png"},
}


def row(name: str, /, **cells: str) -> dict[str, str]:
    """A row of the file ``name`` that can be taken, with ``cells`` in it."""
    columns = next(layout for layout in FILES if layout.name == name).columns
    assert set(cells) <= set(columns), "the test names a column that the file does not have"
    return {**dict.fromkeys(columns, ""), **_DEFAULTS[name], **cells}


def client(number: str = "1000", **cells: str) -> dict[str, str]:
    """A row of clients.csv."""
    return row(files.CLIENTS, client_id=number, **cells)


def whole(**changes: Rows) -> dict[str, Rows]:
    """One row in each of the twelve files; a file named in ``changes`` (without .csv) has those rows instead."""
    rows = {layout.name: [row(layout.name)] for layout in FILES if layout.name != files.PHOTOS}
    return {**rows, **{f"{name}.csv": given for name, given in changes.items()}}


def some(**given: Rows) -> dict[str, Rows]:
    """Clubs, a team and a client; a file named in ``given`` (without .csv) has those rows."""
    rows = {name: [row(name)] for name in (files.CLUBS, files.TEAM, files.CLIENTS)}
    return {**rows, **{f"{name}.csv": rows_given for name, rows_given in given.items()}}


def as_csv(rows: Sequence[Mapping[str, str]], *, end: str = "\n") -> str:
    """The text of a file with ``rows``."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(folder: Path, bundle: Mapping[str, Rows]) -> Path:
    """Write the files of ``bundle`` into ``folder``."""
    folder.mkdir(exist_ok=True)
    for name, rows in bundle.items():
        (folder / name).write_bytes(as_csv(rows).encode())
    return folder


def picture(folder: Path, name: str = "one.png", size: tuple[int, int] = (600, 300), **options: Any) -> bytes:
    """Put a picture into the bundle in ``folder``; gives its bytes."""
    path = folder / "photos" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "teal").save(path, **options)
    return path.read_bytes()


def take(folder: Path, **options: Any) -> Report:
    """Import the bundle in ``folder``, with refused rows in the folder ``refused`` beside it."""
    name = options.pop("business", BUSINESS)
    return import_bundle(folder, name, **{"refused": folder.parent / "refused", **options})


def reasons(report: Report, name: str = files.CLIENTS) -> list[tuple[int, str]]:
    """Line and column of every refusal in the file ``name``."""
    return [(refusal.line, refusal.column) for refusal in report.refusals if refusal.file == name]


def counts(report: Report, name: str = files.CLIENTS) -> tuple[int, int, int]:
    """Rows, accepted and refused of the file ``name``."""
    entry = report.as_json()[name]
    assert entry["accepted"] + entry["refused"] == entry["rows"]
    return entry["rows"], entry["accepted"], entry["refused"]


def rows_of_every_table() -> dict[str, list[tuple[Any, ...]]]:
    """All the database holds, by model."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values_list())
        for model in apps.get_models()
        if model._meta.managed
    }
