"""A process that erases, to be killed: ``python -m tests.clubhouse.erasure.eraser DATABASE erase|drain [KEY…]``.

It works on the tests' own database and in the test's own ``MEDIA_ROOT``, says "ready" when the next thing it does is
the first erasure, and each key when that erasure is done.
"""

from __future__ import annotations

import os
import sys

import django


def main(database: str, what: str, keys: list[int]) -> None:
    """Erase the clients one after the other, or do effects until nothing is due."""
    django.setup()
    from django.conf import settings
    from django.db import connection

    settings.MEDIA_ROOT = os.environ["MEDIA_ROOT"]
    connection.settings_dict["NAME"] = database
    from clubhouse.clients.models import Client
    from lethe import outbox, pipeline
    from lethe.plan import plan_for

    plan_for(Client)
    print("ready", flush=True)
    if what == "drain":
        outbox.drain()
    for key in keys:
        pipeline.erase(Client, [key], by="role:test", reason="a crash")
        print(key, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(key) for key in sys.argv[3:]])
