"""No mail reaches a client whose erasure has committed: who hands one over says so first, and the erasure waits.

A lock would do the same only with a transaction open while a mail server thinks. So it is a row, committed before the
first byte leaves and deleted after the last; it can be made only while the client is not erased.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Sequence

from django.db import connections, transaction
from django.utils.translation import gettext as _

from clubhouse.messages.models import HandOver
from clubhouse.sets import hold_clients
from lethe.exceptions import TryAgain
from lethe.outbox import clock

#: Longer than the slowest mail server may take. An older row is that of a process that died.
LONGEST = datetime.timedelta(minutes=5)


@contextlib.contextmanager
def handing_over(client_id: int | None, *, using: str = "default") -> Iterator[bool]:
    """Whether a mail may leave to a client within this block: not if they are erased. No transaction is open in it.

    ``None`` stands for somebody who is no client, and may always be written to.
    """
    if client_id is None:
        yield True
        return
    row = None
    # Durable: one that is not committed before the mail leaves would be seen by no erasure.
    with transaction.atomic(using=using, durable=True):
        if hold_clients([client_id], using=using):
            row = HandOver.objects.using(using).create(client_id=client_id, since=clock(using))
    try:
        yield row is not None
    finally:
        if row is not None:
            HandOver.objects.using(using).filter(pk=row.pk).delete()


def refuse_while_handing_over(ids: Sequence[int], now: datetime.datetime, *, using: str = "default") -> None:
    """Raise ``lethe.exceptions.TryAgain`` while a mail is being handed over to one of these clients, who are locked.

    One statement, by hand: it is asked under the lock of every erasure.
    """
    connection = connections[using]
    keys = ",".join(str(int(key)) for key in ids)
    if connection.vendor == "postgresql":
        chosen, keys = "= ANY(%s::bigint[])", f"{{{keys}}}"
    else:
        chosen, keys = "IN (SELECT value FROM json_each(%s))", f"[{keys}]"
    since = connection.ops.adapt_datetimefield_value(now - LONGEST)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {HandOver._meta.db_table} WHERE client_id {chosen} AND since > %s LIMIT 1",  # noqa: S608
            [keys, since],
        )
        if cursor.fetchone():
            raise TryAgain(
                _("A mail to this client is just being handed over to the mail server. Nothing was deleted.")
            )


def forget_dead(now: datetime.datetime, *, using: str = "default") -> int:
    """Delete what processes that died left; returns how many rows. One statement."""
    return HandOver.objects.using(using).filter(since__lte=now - LONGEST).delete()[0]
