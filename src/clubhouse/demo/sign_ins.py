"""The demo's sign-ins: drawn at random, written where only their owner reads them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from clubhouse.accounts.models import User

#: No letters or digits that are taken for one another when a password is typed from a screen.
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
PAGES = {"member": "member/sign-in/", "operator": "operator/sign-in/"}


def draw_password() -> str:
    """Three groups of five characters: 74 random bits, easy to type."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(3))


def give_passwords(accounts: Mapping[str, User], url: str) -> Path:
    """Give each role's account a new password and write them all down; gives the file."""
    entries = []
    for role, user in accounts.items():
        password = draw_password()
        user.set_password(password)
        entries.append({"role": role, "url": page(url, role), "email": user.email, "password": password})
    User.objects.bulk_update(accounts.values(), ["password"])
    return write(entries)


def move(url: str) -> None:
    """Let the written sign-ins point at another address; without any, nothing happens."""
    try:
        entries = json.loads(place().read_text())
    except FileNotFoundError:
        return
    moved = [entry | {"url": page(url, entry["role"])} for entry in entries]
    if moved != entries:
        write(moved)


def page(url: str, role: str) -> str:
    """Where a role signs in."""
    return url.rstrip("/") + "/" + PAGES.get(role, "sign-in/")


def place() -> Path:
    """The file of the sign-ins, in the data folder."""
    return Path(settings.DATA_DIR) / "sign-ins.json"


def write(entries: list[dict[str, Any]]) -> Path:
    """Write the file whole or not at all, for its owner's eyes only."""
    beside = place().with_name(f"sign-ins.{secrets.token_hex(6)}.json")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(entries, file, indent=2)
        file.write("\n")
    beside.replace(place())
    return place()
