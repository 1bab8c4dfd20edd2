"""Whether the raw bytes of the database's files hold anything of the erased once they are cleaned (row N11).

    bin/bench bytes --people 2000 --seeds 5
    .venv/bin/python bench/bytes.py --people 300

Half of the people are erased, the others stay. Each has values that occur nowhere else, in every kind of place: short
and long text, JSON, search columns, keys of the provider. All must be in the files before, none of the erased after,
and everything of the others still.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import ground

#: Every value begins with it, and is so long; so one pass over the bytes finds all that are there.
MARK, LENGTH = "zq", 14


@dataclass(frozen=True, kw_only=True)
class Found:
    """How many values are in the files at each stage: of the erased, and of those who stay."""

    values: int
    before: int
    uncleaned: int
    cleaned: int
    of_others: int
    others: int
    seconds: float

    @property
    def held(self) -> bool:
        """Everything was there, nothing of the erased is, and everything of the others is still."""
        return self.before == self.values and self.cleaned == 0 and self.of_others == self.others


class People:
    """Makes people of a seed: their keys, and the values of each."""

    def __init__(self, seed: int, count: int) -> None:
        from bench.cast import make_world
        from clubhouse.clients.models import Client
        from tests.support import factories as make

        self._random = random.Random(seed)
        self._world = make_world()
        self._session = make.make_session(self._world.club, days=-3)
        self.values: dict[int, set[bytes]] = {}
        self._drawn: list[set[bytes]] = [set() for _ in range(count)]
        self.clients = Client.objects.bulk_create(self._client(words) for words in self._drawn)
        self._belongings()
        self.values = {client.pk: words for client, words in zip(self.clients, self._drawn, strict=True)}

    def _word(self, words: set[bytes]) -> str:
        value = f"{MARK}{self._random.getrandbits(48):012x}"
        words.add(value.encode())
        return value

    def _long(self, words: set[bytes], size: int) -> str:
        """Text that does not fit beside others in a page, with a value at both ends."""
        noise = "".join(f"{self._random.getrandbits(64):016x}" for _ in range(size // 16))
        return f"{self._word(words)} {noise} {self._word(words)}"

    def _client(self, words: set[bytes]) -> object:
        from clubhouse.clients.models import Client

        def one() -> str:
            return self._word(words)

        club = self._world.club
        first, last, email = one(), one(), f"{one()}@example.com"
        return Client(
            business=club.business,
            home_club=club,
            number=one(),
            joined_on=self._session.starts_at.date(),
            first_name=first,
            last_name=last,
            email=email,
            mobile_no=one(),
            address_1=one(),
            postcode=one(),
            medical_notes=self._long(words, self._random.choice((32, 600, 5_000))),
            notes=self._long(words, self._random.choice((16, 900, 2_200))),
            tags=[one()],
            sign_up_answers={"heard of us": one()},
            search_text=f"{first} {last} {email}",
        )

    def _belongings(self) -> None:
        from clubhouse.billing.models import Invoice, StoredCard
        from clubhouse.clients.models import ClientNote, Identity
        from clubhouse.messages.models import ClientMessage
        from clubhouse.schedule.models import Booking

        pairs = list(zip(self.clients, self._drawn, strict=True))
        club, today = self._world.club, self._session.starts_at
        Booking.objects.bulk_create(
            Booking(session=self._session, client=c, status="attended", booked_at=today, note=self._word(w))
            for c, w in pairs
        )
        ClientNote.objects.bulk_create(
            ClientNote(client=c, text=self._long(w, self._random.choice((16, 400, 3_000)))) for c, w in pairs
        )
        Invoice.objects.bulk_create(
            Invoice(
                client=c,
                club=club,
                number=f"b{c.pk}",
                amount=1,
                currency="GBP",
                status="paid",
                due_on=today.date(),
                billing_name=self._word(w),
                billing_address=self._word(w),
            )
            for c, w in pairs
        )
        Identity.objects.bulk_create(Identity(client=c, provider="google", subject=self._word(w)) for c, w in pairs)
        StoredCard.objects.bulk_create(
            StoredCard(client=c, provider="p", customer_token=self._word(w), card_token=self._word(w)) for c, w in pairs
        )
        ClientMessage.objects.bulk_create(
            ClientMessage(client=c, kind="receipt", send_after=today, sent_at=today) for c, _ in pairs
        )


def values_in(data: bytes) -> set[bytes]:
    """Every value that stands in some bytes."""
    low = data.lower()
    mark = MARK.encode()
    return {low[found.start() : found.start() + LENGTH] for found in re.finditer(re.escape(mark), low)}


def measure(seed: int, count: int) -> Found:
    """Make people, erase half of them, clean; look into the files at each stage. Needs an empty outbox."""
    from django.db import connection

    from clubhouse.clients.models import Client
    from lethe import outbox, pipeline
    from lethe.cleaning import clean
    from tests.clubhouse.erasure.evidence import stored_bytes

    people = People(seed, count)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    keys = list(people.values)
    random.Random(seed).shuffle(keys)
    gone, stay = keys[: count // 2], keys[count // 2 :]
    of_gone = set().union(*(people.values[key] for key in gone))
    of_stay = set().union(*(people.values[key] for key in stay))
    before = values_in(stored_bytes())
    # A few at a time, as a desk does it, so that pages are left half empty.
    for start in range(0, len(gone), 10):
        outcome = pipeline.erase(Client, gone[start : start + 10], by="role:bench", reason="bench")
        if outcome.refused:
            raise SystemExit("Some were refused, so nothing is proven.")
    outbox.drain()
    uncleaned = values_in(stored_bytes())
    started = time.perf_counter()
    clean()
    seconds = time.perf_counter() - started
    after = values_in(stored_bytes())
    return Found(
        values=len(of_gone),
        before=len(of_gone & before),
        uncleaned=len(of_gone & uncleaned),
        cleaned=len(of_gone & after),
        of_others=len(of_stay & after),
        others=len(of_stay),
        seconds=seconds,
    )


def main(arguments: list[str]) -> int:
    """Measure each seed and print; 0 where nothing was left of anybody erased and nothing lost of anybody else."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2_000, help="People of each seed; half are erased (2000).")
    parser.add_argument("--seeds", type=int, default=5, help="How many seeds (5).")
    options = parser.parse_args(arguments)
    ground.set_up()
    held = True
    with ground.database() as vendor:
        for seed in range(1, options.seeds + 1):
            found = measure(seed, options.people)
            held &= found.held
            print(
                f"{vendor}, seed {seed}: {options.people // 2:,} erased with {found.values:,} values; in the files "
                f"{found.before:,} before, {found.uncleaned:,} after the erasure, {found.cleaned:,} after the cleaning "
                f"({found.seconds:.1f} s); of the others {found.of_others:,} of {found.others:,}.",
                flush=True,
            )
    print("Nothing was left, and nothing was lost." if held else "It did not hold.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
