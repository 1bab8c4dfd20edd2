"""A request that comes twice under one idempotency key is done once and answered twice."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from django.utils.crypto import salted_hmac

from clubhouse.api.models import ApiAnswer, ApiToken
from clubhouse.api.problems import Problem

#: After so long without an answer, whoever worked on a request is taken for dead.
WORKS_FOR = datetime.timedelta(minutes=2)


def once(token: ApiToken, key: str, request: str, do: Callable[[], str], *, now: datetime.datetime) -> str:
    """Do it, or give the receipt number that it gave before. What was refused may be tried again under its key.

    ``request`` says what is asked. Raises ``Problem`` where the key stands for another request, or for one that is
    under way, and whatever ``do`` raises.
    """
    hashed, asked = _hashed("key", key), _hashed("request", f"{key} {request}")
    row, made = ApiAnswer.objects.get_or_create(token=token, key=hashed, defaults={"request": asked, "created_at": now})
    if row.request != asked:
        raise Problem(422, "This Idempotency-Key was used for another request. Draw a new one.")
    if row.done:
        return row.receipt
    if not made:
        # Exactly one of those who find it abandoned goes on with it.
        dead = ApiAnswer.objects.filter(pk=row.pk, done=False, created_at__lte=now - WORKS_FOR)
        if not dead.update(created_at=now):
            raise Problem(409, "A request with this Idempotency-Key is under way. Ask again in a moment.")
    try:
        receipt = do()
    except BaseException:
        ApiAnswer.objects.filter(pk=row.pk).delete()
        raise
    ApiAnswer.objects.filter(pk=row.pk).update(done=True, receipt=receipt)
    return receipt


def _hashed(what: str, said: str) -> str:
    return salted_hmac(f"clubhouse.api.{what}", said, algorithm="sha256").hexdigest()
