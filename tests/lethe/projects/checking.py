"""What each of these projects shows of an erasure: before, after, for the others, and a second time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import connection

from lethe import pipeline
from lethe.checks import everything
from tests.lethe.support.database import constraints_hold
from tests.support.dump import folder_bytes, logical_dump


def gate() -> list[str]:
    """What the gate finds, warnings about indexes of tables that are not ours left out."""
    return [
        f"{one.id} {one.msg}"
        for one in everything("default")
        if one.level >= checks.ERROR or one.id not in {"lethe.W001", "lethe.W021"}
    ]


def left(words: Iterable[str], *folders: Any) -> set[str]:
    """Which of the words are anywhere in the database or in the folders."""
    dump = logical_dump(connection) + b"".join(folder_bytes(folder) for folder in folders)
    return {word for word in words if re.search(re.escape(word.encode()), dump, re.IGNORECASE)}


def rows(skip: Iterable[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the engine's."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.proxy or not meta.managed or meta.app_label == "lethe" or meta.label in skip:
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(meta.db_table)}")
            found[meta.label] = sorted(cursor.fetchall(), key=repr)
    return found


def erase(model: Any, *keys: Any) -> pipeline.Outcome:
    """Preview and erase, as a person does."""
    found = pipeline.preview(model, keys)
    return pipeline.erase(model, keys, by="account:1", reason="asked in writing", fingerprint=found.fingerprint)


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """The statements that Django's connection sends meanwhile."""
    sent = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield lambda: len(sent)


def assert_twice_is_once(model: Any, key: Any) -> None:
    """A second erasure succeeds and changes nothing; every foreign key holds."""
    before = rows()
    assert erase(model, key).already == 1
    assert rows() == before
    assert constraints_hold()


def pages_open(browser: Any, *addresses: str) -> None:
    """Pages of the application that we did not write still open."""
    for address in addresses:
        found = browser.get(address, follow=True)
        assert found.status_code == 200, address
