"""A session that clients have booked is changed: they are told once of all that was changed in a row.

A message holds what its client knew before, by keys and figures, and says what holds when it leaves. So the last one
that leaves is never wrong, and one that would say what its client knows already is not sent.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from clubhouse.messages.models import ClientMessage
from clubhouse.schedule.models import Booking, Session
from clubhouse.schedule.selectors import HOLDING
from clubhouse.sets import insert_all

#: How long a message rests for what may be changed next; each change begins it anew.
RESTS = datetime.timedelta(minutes=1)


def known(session: Session) -> dict[str, Any]:
    """What a client knows of a session: when it begins, how long it lasts and the key of who gives it."""
    return {
        "starts_at": session.starts_at.astimezone(datetime.UTC).isoformat(),
        "minutes": session.minutes,
        "trainer": session.trainer_id,
    }


def tell_moved(
    session: Session,
    before: dict[str, Any],
    clients: Collection[int],
    *,
    now: datetime.datetime,
    using: str = "default",
) -> int:
    """Queue a message to these clients, who have a place, that the session is not as ``before`` (see :func:`known`).

    What was queued for an earlier change and has not left is replaced, and dropped for who knew the session as it is
    now. Returns for how many one is queued. Call it with the session and the clients locked. Three statements.
    """
    after = known(session)
    with transaction.atomic(using=using):
        queued = ClientMessage.objects.using(using).filter(
            session=session, kind=ClientMessage.Kind.MOVED, sent_at=None, leased_until=None
        )
        last_known = dict(queued.values_list("client_id", "was"))
        queued.delete()
        rows = [
            ClientMessage(
                client_id=client,
                session=session,
                kind=ClientMessage.Kind.MOVED,
                was=last_known.get(client, before),
                send_after=now + RESTS,
            )
            for client in sorted(clients)
            if last_known.get(client, before) != after
        ]
        return len(insert_all(rows, using=using))


def move_reminders(session: Session, by: datetime.timedelta, *, using: str = "default") -> int:
    """Let reminders of a session that begins at another time come so much later or earlier. One statement."""
    queued = ClientMessage.objects.using(using).filter(session=session, kind=ClientMessage.Kind.REMINDER, sent_at=None)
    return queued.update(send_after=F("send_after") + by)


def no_longer_concerned(due: QuerySet[ClientMessage]) -> QuerySet[ClientMessage]:
    """Those of the messages about a change whose client has given up the place since."""
    places = Booking.objects.filter(session=OuterRef("session"), client=OuterRef("client"), status__in=HOLDING)
    return due.filter(~Exists(places), kind=ClientMessage.Kind.MOVED)


def changes(message: ClientMessage) -> set[str]:
    """What its client does not know yet: names out of :func:`known`; of a message about a change."""
    session = message.session
    assert session is not None
    now_is = known(session)
    return {name for name, value in message.was.items() if now_is.get(name) != value}


def began(message: ClientMessage) -> datetime.datetime:
    """When the session began, as far as its client knows."""
    return datetime.datetime.fromisoformat(message.was["starts_at"])
