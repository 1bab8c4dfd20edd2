"""Numbers for the invoices that a club makes itself: counted without gaps, as the tax office requires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from clubhouse.billing.models import Invoice, InvoiceNumbers
from clubhouse.sets import Keys, update_each

#: Where a club's own numbers begin with; an export's numbers look otherwise, and one that does not is stepped over.
PREFIX = "D-"


def lock_numbers(clubs: Sequence[int], *, using: str = "default") -> list[InvoiceNumbers]:
    """The clubs' counters, locked until the transaction ends: one sale of a club at a time. After the lock on clients.

    Two statements.
    """
    counters = InvoiceNumbers.objects.using(using)
    counters.bulk_create([InvoiceNumbers(club_id=club) for club in sorted(set(clubs))], ignore_conflicts=True)
    return list(counters.filter(club_id__in=Keys(clubs)).select_for_update(no_key=True).order_by("pk"))


def next_numbers(counters: Sequence[InvoiceNumbers], clubs: Sequence[int], *, using: str = "default") -> list[str]:
    """The next number for each of ``clubs``, a club as often as it has invoices; their counters are locked.

    Two statements, and one more for each time that imported numbers are in the way.
    """
    wanted, firsts = Counter(clubs), {counter.club_id: counter.last + 1 for counter in counters}
    while True:
        found = {club: [f"{PREFIX}{firsts[club] + n:05d}" for n in range(wanted[club])] for club in wanted}
        every = {number for numbers in found.values() for number in numbers}
        taken = Invoice.objects.using(using).filter(club_id__in=Keys(clubs), number__in=every)
        clashes = {club for club, number in taken.values_list("club_id", "number") if number in found[club]}
        if not clashes:
            break
        for club in clashes:
            firsts[club] += 1
    last = {counter.pk: firsts[counter.club_id] + wanted[counter.club_id] - 1 for counter in counters}
    update_each(InvoiceNumbers, "last", last, using=using)
    given = {club: iter(numbers) for club, numbers in found.items()}
    return [next(given[club]) for club in clubs]
