"""People in every table, made of values that occur nowhere else."""

from __future__ import annotations

import datetime
import itertools
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from tests.lethe.apps.people.models import Account, Invoice, Member, Person, PersonNote, Shift, Volunteer
from tests.lethe.apps.shapes.models import Handover, Legacy, Patient, Result, Stay, StayItem
from tests.lethe.apps.shop.models import (
    Address,
    Attempt,
    Card,
    Club,
    ClubMember,
    Comment,
    Counter,
    Customer,
    Engraver,
    Event,
    Flag,
    Note,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    Shop,
    Ticket,
)

_serial = itertools.count(1)


@dataclass
class World:
    """A subject, their rows, and every value of theirs that must be gone afterwards."""

    subject: Any
    canaries: dict[str, str] = field(default_factory=dict)

    def word(self, place: str) -> str:
        """A value that occurs nowhere else, noted under where it is put."""
        value = f"zq{secrets.token_hex(6)}"
        self.canaries[place] = value
        return value

    @property
    def pk(self) -> Any:
        """The subject's key."""
        return self.subject.pk

    def found_in(self, dump: bytes) -> list[str]:
        """The places (never the values) whose value occurs in a dump."""
        low = dump.lower()
        return [place for place, value in self.canaries.items() if value.encode() in low]


def make_customer(**values: Any) -> Customer:
    """A customer with nothing."""
    number = next(_serial)
    shop = values.pop("shop", None) or Shop.objects.get_or_create(name="Corner shop", erased_domain="gone.example")[0]
    given = {"name": f"Customer {number}", "email": f"c{number}@example.com", "number": f"n{number}"} | values
    return Customer.objects.create(shop=shop, **given)


def make_world(**values: Any) -> World:
    """A customer with rows in every table of the shop."""
    world = World(None)
    word = world.word
    born = datetime.date(1801, 2, 3) + datetime.timedelta(days=next(_serial))
    friend, product = make_customer(), Product.objects.create(name="Lamp")
    clerk = Account.objects.create(email=f"clerk{next(_serial)}@example.com")
    customer = world.subject = make_customer(
        **{
            "name": word("name"),
            "email": f"{word('email')}@example.com",
            "number": word("number")[:12],
            "phone": word("phone"),
            "born": born,
            "about": word("about"),
            "tags": [word("tag")],
            "extra": {"likes": word("extra")},
            "loyal": True,
            "picture": f"{word('picture')}.png",
            "fingerprint": word("fingerprint").encode(),
            "referred_by": friend,
            "clerk": clerk,
        }
        | values
    )
    world.canaries["number"] = customer.number
    world.canaries["fingerprint"] = customer.fingerprint.hex()
    world.canaries["born"] = str(born)
    customer.main_address = Address.objects.create(customer=customer, line=word("address"))
    customer.save()
    make_customer(referred_by=customer)
    customer.wishes.add(product)
    customer.friends.add(friend)
    order = Order.objects.create(
        customer=customer, note=word("order note"), total="19.90", address=customer.main_address, packed_by=clerk
    )
    Order.objects.create(customer=friend, gift_for=customer, gift_note=word("gift note"), note="of the friend")
    line = OrderLine.objects.create(order=order, product=product, engraving=word("engraving"))
    Engraver.objects.create(line=line, wording=word("wording"))
    Refund.objects.create(customer=customer, amount="1.50", memo=word("memo"))
    Review.objects.create(author=customer, body=word("review"))
    Review.objects.create(order=order, body=word("review of the order"))
    comment = Comment.objects.create(author=customer, body=word("comment"))
    Comment.objects.create(author=friend, reply_to=comment, quoted=word("quotation"), body="an answer")
    ClubMember.objects.create(club=Club.objects.create(name="Readers"), customer=customer, nickname=word("nickname"))
    Card.objects.create(customer=customer, token=word("token"), scan="")
    for about in (customer, order, customer.main_address):
        point(Note, about, body=word(f"note on {about._meta.model_name}"))
    point(Note, product, body="the lamp", actor=customer, actor_address=word("actor's address"))
    for target in (customer, order):
        point(Flag, target, why=word(f"flag on {target._meta.model_name}"))
    Attempt.objects.create(username=customer.email.upper(), agent=word("agent"))
    Event.objects.create(payload={"customer": {"id": customer.pk}, "what": word("event")})
    Ticket.objects.create(customer_ref=customer.pk, question=word("question"))
    Counter.objects.create(customer=customer, visits=3)
    return world


def point(model: type[Any], at: Any, **values: Any) -> Any:
    """A row that points at anything."""
    return model.objects.create(content_type=ContentType.objects.get_for_model(at), object_id=at.pk, **values)


def make_member() -> World:
    """A member with a row in every table of theirs."""
    world = World(None)
    word = world.word
    sponsor = Member.objects.create(name="Sponsor", email=f"s{next(_serial)}@example.com")
    member = world.subject = Member.objects.create(
        name=word("name"), email=f"{word('email')}@example.com", card=word("card"), home="north", introduced_by=sponsor
    )
    Member.objects.create(name="Newcomer", introduced_by=member)
    volunteer = Volunteer(person_ptr=Person.objects.get(pk=member.pk), skill=word("skill"))
    volunteer.save_base(raw=True)
    PersonNote.objects.create(person_id=member.pk, body=word("note"))
    Invoice.objects.create(member=member, title=word("title"), billed_to=word("billed to"))
    return world


def make_account() -> World:
    """An account with rows of its own, and named on rows of customers."""
    world = World(None)
    account = world.subject = Account.objects.create(
        email=f"{world.word('email')}@example.com", full_name=world.word("full name"), password="x"
    )
    Shift.objects.create(account=account, remark=world.word("remark"))
    customer = make_customer(clerk=account)
    Order.objects.create(customer=customer, packed_by=account, note="of a customer")
    return world


def make_patient() -> World:
    """A patient with a row in every table of theirs."""
    world = World(None)
    word = world.word
    patient = world.subject = Patient.objects.create(key=uuid.uuid4(), name=word("name"), code=word("code"))
    Result.objects.create(patient=patient, finding=word("finding"))
    stay = Stay.objects.create(patient=patient, number=next(_serial), ward="west", remark=word("remark"))
    StayItem.objects.create(patient_key=patient.pk, stay_number=stay.number, what=word("item"))
    day = timezone.localdate() + datetime.timedelta(days=next(_serial))
    Handover.objects.create(ward="west", day=day, patient=patient, told=word("told"))
    Legacy.objects.create(patient=patient, memo=word("memo"))
    return world
