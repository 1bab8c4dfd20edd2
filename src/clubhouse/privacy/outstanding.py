"""What is still to be done outside the records, and keeps failing: shown to the business's administrators (row N4).

An effect names no business, because a run must not lead to a client. Whose it is follows from the receipts a business
has been given, from the account that ordered the run, or from the effect's own payload while it waits. The rewriting of
the database's files after erasures is everybody's.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from clubhouse.accounts.models import Business, User
from clubhouse.privacy.models import ErasureReceipt
from clubhouse.privacy.wording import cause_words, effect_words
from clubhouse.sets import Keys
from clubhouse.webhooks.models import Endpoint
from lethe import outstanding
from lethe.cleaning import KIND as CLEAN
from lethe.models import Effect, Receipt

#: How many lines are listed; the others are counted.
LISTED = 50
#: Where counting what is only on its way ends.
MANY = 1_000
WEBHOOK = "webhook.deliver"


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """Effects that failed alike: what they are to do, why it did not work, since when, and when it is tried again.

    ``pk`` is the key of the one that has waited longest; ``raw`` is the cause as it is recorded.
    """

    pk: int
    kind: str
    raw: str
    label: str
    cause: str
    count: int
    since: datetime.datetime
    attempts: int
    next_try_at: datetime.datetime
    trying: bool

    @property
    def hook(self) -> bool:
        """Whether the page of the webhooks tells more, and can switch off what does not answer."""
        return self.kind == WEBHOOK


@dataclass(frozen=True, kw_only=True)
class Outstanding:
    """What keeps failing: the oldest of it, one line for what is alike, and how many effects there are in all.

    Where nothing does, ``ahead`` is how many have not failed and are not done, and ``first`` says that nobody was
    deleted yet.
    """

    listed: list[Overdue]
    total: int
    more: int
    ahead: int = 0
    first: bool = False

    @property
    def token(self) -> str:
        """Changes when there is something new to see."""
        return "-".join(f"{line.pk}.{line.count}.{line.attempts}.{line.trying:d}" for line in self.listed) or "0"


def failing(business: Business) -> QuerySet[Effect]:
    """The effects of this business that have failed and are not done."""
    return Effect.objects.filter(outstanding.troubled()).filter(_ours(business))


def _ours(business: Business) -> Q:
    # Looked up from the few that fail, each by index: a business may have a hundred thousand receipts.
    mine = ErasureReceipt.objects.filter(business=business, number=OuterRef("number"))
    given = Receipt.objects.filter(Exists(mine), run=OuterRef("run"))
    ordered = (
        User.objects.filter(business=business)
        .annotate(said=Concat(Value("account:"), Cast("pk", CharField())))
        .filter(said=OuterRef("run__by"))
    )
    return Q(Exists(given)) | Q(Exists(ordered)) | Q(payload__business=business.pk) | Q(kind=CLEAN)


def find(business: Business) -> Outstanding:
    """What keeps failing, the oldest first: one query, or three where nothing does."""
    now = timezone.now()
    groups = outstanding.failing(failing(business))
    if not groups:
        waiting = Effect.objects.filter(_ours(business), done_at=None).exclude(kind=CLEAN)
        deleted = ErasureReceipt.objects.filter(business=business).exists()
        return Outstanding(listed=[], total=0, more=0, ahead=waiting[:MANY].count(), first=not deleted)
    listed = [
        Overdue(
            pk=group.oldest,
            kind=group.kind,
            raw=group.cause,
            label=effect_words(group.kind),
            cause=f"{cause_words(group.cause)}.",
            count=group.count,
            since=group.since,
            attempts=group.tries,
            next_try_at=group.next_try_at,
            trying=bool(group.in_hand) or group.next_try_at <= now,
        )
        for group in groups[:LISTED]
    ]
    return Outstanding(
        listed=listed, total=sum(group.count for group in groups), more=sum(group.count for group in groups[LISTED:])
    )


def count(business: Business) -> int:
    """How many effects keep failing."""
    return failing(business).count()


def retry(business: Business, pk: int | None = None, *, alike: tuple[str, str] | None = None) -> int:
    """Try one effect, those of one kind that failed by one cause, or all that fail, now; returns how many.

    Another business's are not found. One that a worker is just trying stays with that worker.
    """
    rows = failing(business)
    if pk is not None:
        rows = rows.filter(pk=pk)
    elif alike is not None:
        rows = outstanding.alike(rows, *alike)
    chosen = Effect.objects.filter(pk__in=Keys(rows.values_list("pk", flat=True)))
    paused = Endpoint.objects.filter(business=business, paused_until__isnull=False)
    wanted = chosen.filter(kind=WEBHOOK).values_list("payload__endpoint", flat=True)
    paused.filter(pk__in=Keys(key for key in wanted if isinstance(key, int))).update(paused_until=None)
    return outstanding.try_now(chosen)
