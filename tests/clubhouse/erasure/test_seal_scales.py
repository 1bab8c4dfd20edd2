"""The seal looks up by index in every session, also in one that met the tables while they were small."""

from __future__ import annotations

import pytest
from django.db import connection

from lethe.install import expected

pytestmark = pytest.mark.django_db


def test_no_trigger_keeps_a_plan_that_reads_a_whole_table() -> None:
    """On PostgreSQL a function's plan stays with its session; SQLite plans a trigger with each statement."""
    functions = {trigger.name for trigger in expected("default") if trigger.function}
    if connection.vendor == "sqlite":
        assert functions == set()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE 'enable_seqscan=off' = ANY(coalesce(proconfig, '{}'))")
        indexed = {name for (name,) in cursor.fetchall()}
    assert functions
    assert functions <= indexed
