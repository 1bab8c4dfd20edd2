"""Search again once somebody is erased: what still names them, in the whole database and the file store (row N1).

The erasing transaction takes the values it is about to destroy, seals them under a key that is not in the database, and
records one effect for all of its subjects. After commit a worker opens them, searches, and scrubs them. The receipt and
what is reported hold places and counts, never a value.
"""

from __future__ import annotations

import base64
import datetime
import json
import uuid
import zlib
from collections import Counter
from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils import timezone
from django.utils.encoding import force_bytes

from lethe import conf
from lethe.exceptions import ExtraMissing, LetheError
from lethe.files import KIND as DELETE_FILE
from lethe.graph import Model
from lethe.models import Effect
from lethe.outbox import NotYet, handled, record
from lethe.plan import Plan, plan_for
from lethe.residue import CERTAIN, LIKELY, WEAK, Matcher, Place, Values, search, values_of
from lethe.sql import Dialect
from lethe.steps import RECORD

KIND = "residue.search"
#: Recorded when something was found, where the project has a handler for it.
FOUND = "residue.found"
#: Between two looks whether the files of a run are gone.
PAUSE = datetime.timedelta(seconds=30)
#: Lines of a receipt, and keys of rows in each.
LISTED = 50
STRENGTHS = {CERTAIN: "certain", LIKELY: "likely", WEAK: "weak"}
#: Stands for a key that is itself one of the values.
HIDDEN = "…"


class Unreadable(LetheError):
    """The values wait under another key. Set LETHE_RESIDUE_KEY, or SECRET_KEY and its fallbacks, as it was."""


# --- sealed values ----------------------------------------------------------------------------------------------------
def _lock() -> Any:
    """Seals with the key of today, and opens with those before it too."""
    try:
        from cryptography.fernet import Fernet, MultiFernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError:
        raise ExtraMissing("residue", "The search after an erasure") from None
    own = conf.residue_key()
    secrets = ([own] if own else []) + [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    drawn = [
        HKDF(algorithm=SHA256(), length=32, salt=None, info=b"lethe residue").derive(force_bytes(secret))
        for secret in secrets
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in drawn])


def sealed(values: Values) -> str:
    """Values as a text that says nothing without the key."""
    plain = json.dumps([values.texts, values.numbers], separators=(",", ":")).encode()
    return str(_lock().encrypt(zlib.compress(plain)).decode())


def opened(text: str) -> Values:
    """The values of a sealed text. Raises ``Unreadable`` where the key is another."""
    lock = _lock()
    from cryptography.fernet import InvalidToken

    try:
        plain = lock.decrypt(text.encode())
    except InvalidToken:
        raise Unreadable from None
    texts, numbers = json.loads(zlib.decompress(plain))
    return Values(*({value: (kind, sure) for value, (kind, sure) in part.items()} for part in (texts, numbers)))


# --- in the erasing transaction ---------------------------------------------------------------------------------------
def taken(plan: Plan, ids: list[Any]) -> Values | None:
    """What is to be searched for once these subjects are erased; ``None`` where the project wants no search."""
    return None if conf.residue_after() is None else values_of(plan, ids)


def owed(
    dialect: Dialect, plan: Plan, run: uuid.UUID, now: datetime.datetime, values: Values | None
) -> list[tuple[str, dict[str, Any]]]:
    """The statement that records the search."""
    seconds = conf.residue_after()
    if seconds is None or not values:
        return []
    p = dialect.param
    payload = {"subject": plan.subject, "using": plan.using, "run": run.hex, "values": sealed(values)}
    given = {
        "run": run if dialect.postgres else run.hex,
        "now": dialect.moment_value(now),
        "due": dialect.moment_value(now + datetime.timedelta(seconds=seconds)),
        "payload": json.dumps(payload),
    }
    casts = ("::uuid", "::jsonb", "::timestamptz") if dialect.postgres else ("", "", "")
    return [
        (
            f"{RECORD} SELECT {p('run')}{casts[0]}, {dialect.text(KIND)}, {p('payload')}{casts[1]}, {dialect.now()}, "
            f"{p('due')}{casts[2]}, 0, '', ''",
            given,
        )
    ]


# --- after commit -----------------------------------------------------------------------------------------------------
def search_again(payload: dict[str, Any]) -> dict[str, Any]:
    """Search for what was erased; returns a receipt of places and counts. It waits for the files of the run."""
    using = payload["using"]
    if Effect.objects.using(using).filter(run=payload["run"], kind=DELETE_FILE, done_at=None).exists():
        raise NotYet(timezone.now() + PAUSE)
    values = opened(payload["values"])
    matcher = Matcher(values)
    places = [_hidden(place, matcher) for place in _found(payload["subject"], using, values)]
    sure = [place for place in places if place.strength > WEAK]
    if sure and handled(FOUND):
        # The run says whose business it is; it is scrubbed with the rest, and the effect itself names none.
        rows = [[place.model or place.table, place.key, place.column, place.strength] for place in sure[:LISTED]]
        record(FOUND, {"run": payload["run"], "places": rows, "total": len(sure)}, using=using)
    return receipt(places)


def _found(subject: str, using: str, values: Values) -> list[Place]:
    model: Model = apps.get_model(subject)
    return search(plan_for(model, using), [], values=values)


def _hidden(place: Place, matcher: Matcher) -> Place:
    """A place whose key holds no value: a file's name may, and the key of a table that is known by a text."""
    if not matcher.find(place.key):
        return place
    folder = place.key.rpartition("/")[0] if not place.table else ""
    shown = "" if matcher.find(folder) else folder
    key = f"{shown}/{HIDDEN}" if shown else HIDDEN
    return Place(place.strength, place.table, key, place.column, place.model, place.kinds)


def receipt(places: list[Place]) -> dict[str, Any]:
    """Places and counts: how many of each strength, and where the ones stand that mean somebody."""
    counts = Counter(STRENGTHS[place.strength] for place in places)
    lines: Counter[tuple[str, str, str]] = Counter(
        (place.model or place.table or "file store", place.column, STRENGTHS[place.strength])
        for place in places
        if place.strength > WEAK
    )
    return {
        "places": len(places),
        **{name: counts[name] for name in STRENGTHS.values()},
        "where": [
            {"table": table, "column": column, "strength": strength, "count": count}
            for (table, column, strength), count in lines.most_common(LISTED)
        ],
    }
