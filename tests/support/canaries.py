"""A person made of values that occur nowhere else, so that a search of all bytes says whether anything is left."""

from __future__ import annotations

import datetime
import itertools
import secrets
from dataclasses import asdict, dataclass, field
from unicodedata import combining, normalize

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_serial = itertools.count(1)


def word(prefix: str, *, length: int = 9) -> str:
    """A pronounceable-looking word nobody else has: ``prefix`` and random letters."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))


def digits(length: int) -> str:
    """So many random digits, the first of them not zero."""
    return str(secrets.randbelow(9 * 10 ** (length - 1)) + 10 ** (length - 1))


def _birthday() -> datetime.date:
    # A century in which no session, invoice or sign-up of the tests lies.
    return datetime.date(1801, 1, 1) + datetime.timedelta(days=next(_serial) % 30_000)


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """One person's values. Fields of ``clients.Client`` have its names; the others say which table they belong to."""

    number: str = field(default_factory=lambda: word("num"))
    first_name: str = field(default_factory=lambda: word("Zoë-").title())
    last_name: str = field(default_factory=lambda: word("O'Quill").title())
    email: str = field(default_factory=lambda: f"{word('Mail')}@example.com")
    mobile_no: str = field(default_factory=lambda: f"+44 7{digits(3)} {digits(6)}")
    mobile_device: str = field(default_factory=lambda: word("device-"))
    phone_no: str = field(default_factory=lambda: f"020 {digits(4)} {digits(4)}")
    work_no: str = field(default_factory=lambda: f"0161 {digits(3)} {digits(5)}")
    address_1: str = field(default_factory=lambda: f"{digits(4)} {word('street')}")
    address_2: str = field(default_factory=lambda: word("flat"))
    address_3: str = field(default_factory=lambda: word("parish"))
    town: str = field(default_factory=lambda: word("town"))
    postcode: str = field(default_factory=lambda: word("PC", length=8).upper())
    country: str = field(default_factory=lambda: word("land"))
    dob: datetime.date = field(default_factory=_birthday)
    gender: str = field(default_factory=lambda: word("gender"))
    occupation: str = field(default_factory=lambda: word("job"))
    facebook_id: str = field(default_factory=lambda: f"fb{digits(14)}")
    height: str = field(default_factory=lambda: f"{digits(12)} cm")
    weight: str = field(default_factory=lambda: f"{digits(12)} kg")
    measurement1: str = field(default_factory=lambda: f"m1 {digits(12)}")
    measurement2: str = field(default_factory=lambda: f"m2 {digits(12)}")
    measurement3: str = field(default_factory=lambda: f"m3 {digits(12)}")
    measurement4: str = field(default_factory=lambda: f"m4 {digits(12)}")
    measurement5: str = field(default_factory=lambda: f"m5 {digits(12)}")
    measurement6: str = field(default_factory=lambda: f"m6 {digits(12)}")
    medical_notes: str = field(default_factory=lambda: f"allergic to {word('nut')}")
    notes: str = field(default_factory=lambda: f"knows {word('friend')} well")
    tag: str = field(default_factory=lambda: word("tag"))
    sign_up_answer: str = field(default_factory=lambda: word("answer"))

    member_email: str = field(default_factory=lambda: f"{word('Login')}@example.com")
    identity_subject: str = field(default_factory=lambda: f"10{digits(18)}")
    customer_token: str = field(default_factory=lambda: word("cus_", length=16))
    card_token: str = field(default_factory=lambda: word("pm_", length=16))
    subscription_token: str = field(default_factory=lambda: word("sub_", length=16))
    payment_token: str = field(default_factory=lambda: word("pi_", length=16))
    billing_name: str = field(default_factory=lambda: word("Payor").title())
    billing_address: str = field(default_factory=lambda: word("billing road "))
    booking_note: str = field(default_factory=lambda: f"needs {word('chair')}")
    sale_key: str = field(default_factory=lambda: word("sale", length=20))
    note_key: str = field(default_factory=lambda: word("once", length=20))
    client_note: str = field(default_factory=lambda: f"told us about {word('secret')}")
    credit_reason: str = field(default_factory=lambda: f"goodwill for {word('mishap')}")
    remote_address: str = field(default_factory=lambda: f"2001:db8::{digits(4)}:{digits(4)}")
    session_key: str = field(default_factory=lambda: word("sess", length=28))
    new_email: str = field(default_factory=lambda: f"{word('Next')}@example.com")
    old_email: str = field(default_factory=lambda: f"{word('Former')}@example.com")
    reset_token: str = field(default_factory=lambda: word("reset", length=40))
    reset_asked: str = field(default_factory=lambda: word("asked", length=40))
    image_text: str = field(default_factory=lambda: word("pixels"))

    def client_fields(self) -> dict[str, object]:
        """The values for ``Client(**fields)``, the JSON columns filled in."""
        from clubhouse.clients.models import Client

        names = {column.name for column in Client._meta.concrete_fields}
        values: dict[str, object] = {name: value for name, value in asdict(self).items() if name in names}
        return values | {"tags": [self.tag, "vip"], "sign_up_answers": {"How did you hear of us?": self.sign_up_answer}}

    def needles(self) -> dict[str, set[bytes]]:
        """Field name to the spellings it may be stored in: as it is, folded, escaped in JSON or SQL, digits."""
        return {
            name: {spelling.encode() for spelling in _spellings(str(value))} for name, value in asdict(self).items()
        }

    def found_in(self, data: bytes) -> list[str]:
        """The names (never the values) of the fields of which any spelling occurs, whatever its case."""
        low = data.lower()
        return [name for name, spellings in self.needles().items() if any(needle in low for needle in spellings)]


def _spellings(value: str) -> set[str]:
    low = value.lower()
    folded = "".join(letter for letter in normalize("NFKD", low) if not combining(letter))
    escaped = low.encode("ascii", "backslashreplace").decode().replace("\\xeb", "\\u00eb")
    spellings = {low, folded, escaped, low.replace("'", "''")}
    numeric = "".join(letter for letter in low if letter.isdigit())
    if len(numeric) >= 10 and not low[0].isalpha():
        # Without the trunk or country code a telephone number is found in whichever notation it is kept.
        spellings.add(numeric[-10:])
    return spellings
