"""Settings of the tests: the deployment's own, with data in a temporary folder and password hashes that cost nothing.

They never see the data folder or the switches of the person who runs them.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="clubhouse-tests-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("CLUBHOUSE_")]:
    del os.environ[_name]
os.environ["CLUBHOUSE_DATA"] = str(FOLDER)

from clubhouse.settings import *  # noqa: E402, F403
from clubhouse.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: tests of concurrency open a second connection, and raw dumps read the file's bytes.
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / "test.sqlite3")}
    # Nothing here has to survive a power cut.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
else:
    # A connection that a live server's thread keeps would hold on to the test database when it is dropped.
    DATABASES["default"]["CONN_MAX_AGE"] = 0

# A test that is about the database's files says when they are cleaned.
LETHE_CLEAN_EVERY = None
# And one that is about what is left of somebody, when it is searched for.
LETHE_RESIDUE_AFTER = None

PASSWORD_HASHERS = ["tests.support.hashers.QuickArgon2"]

# A test that is about the wait sets it itself.
STAFF_MAIL_SECONDS = 0
