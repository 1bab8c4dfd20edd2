"""Where the benches run: a database of their own, made and thrown away, with the tests' settings.

``DATABASE_URL`` chooses the server (``bin/with-postgres`` starts one); without it, SQLite in a temporary folder.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def set_up() -> None:
    """Make Django ready. Call it before anything of the product is imported."""
    for folder in (ROOT, ROOT / "src"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    # Whatever the launcher set: with the application's own settings Django would take SQLite into memory, which has no
    # bytes to look into, and search for residue, which nobody does by hand.
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.support.settings"
    import django

    django.setup()


@contextlib.contextmanager
def database() -> Iterator[str]:
    """An empty, migrated database while the block runs; gives its vendor, as people write it."""
    from django.db import connection, connections
    from django.test.utils import setup_test_environment, teardown_test_environment

    before = connection.settings_dict["NAME"]
    setup_test_environment(debug=False)
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    finally:
        connections.close_all()
        connection.creation.destroy_test_db(before, verbosity=0)
        teardown_test_environment()
