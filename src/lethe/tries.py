"""Tries of effects, many rows in one statement: when the next one is, and each row's own value."""

from __future__ import annotations

import datetime
import json
import random
from typing import Any

from django.db import connections
from django.db.models import Case, DateTimeField, JSONField, TextField, Value, When
from django.db.models.expressions import RawSQL

#: Delay before the second try; doubled each time up to the longest.
FIRST_DELAY, LONGEST_DELAY = datetime.timedelta(seconds=2), datetime.timedelta(hours=6)
#: After so many tries the delay is the longest.
STEPS = 15


def delay(attempts: int) -> datetime.timedelta:
    """How long to wait after so many tries: doubled each time, with jitter, never over :data:`LONGEST_DELAY`."""
    base = min(FIRST_DELAY * 2 ** min(attempts - 1, 20), LONGEST_DELAY)
    waits: datetime.timedelta = base * random.uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)
    return waits


def each(values: dict[int, Any], using: str) -> RawSQL:
    """Each row's own value, in one statement: texts, or receipts."""
    texts = all(isinstance(value, str) for value in values.values())
    if connections[using].vendor == "postgresql":
        sql = f"%s::jsonb {'->>' if texts else '->'} id::text"
    else:
        sql = "json_extract(%s, '$.\"' || id || '\"')"
    said = [json.dumps(values)]
    return RawSQL(sql, said, output_field=TextField() if texts else JSONField())  # noqa: S611 (a parameter)


def later(start: datetime.datetime, *, tries: int) -> Case:
    """``start`` and the delay that a row's attempts ask for, with so many tries more than it says."""
    field = DateTimeField()
    at = [Value(start + delay(attempts), output_field=field) for attempts in range(1, STEPS + 1)]
    whens = [When(attempts=attempts - tries, then=value) for attempts, value in enumerate(at, 1)]
    return Case(*whens[:-1], default=at[-1], output_field=field)
