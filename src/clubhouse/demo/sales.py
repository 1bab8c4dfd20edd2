"""What the demo's clients have bought, and how it was paid: invoices in every state there is."""

from __future__ import annotations

import datetime
from decimal import Decimal

from clubhouse.billing.models import Invoice, Payment, StoredCard
from clubhouse.clients.models import Client
from clubhouse.demo.world import World
from clubhouse.memberships.models import AccountCredit, Membership, Package, PriceItem

PLANS = {"Unlimited": Decimal("59.00"), "Off-peak": Decimal("39.00"), "Weekend": Decimal("29.00")}
PACKAGES = {"Ten classes": (10, Decimal("95.00")), "Twenty classes": (20, Decimal("170.00"))}
MEMBERS = ("member", "member sign-in", "active membership", "frozen membership", "everything", "former member")
HOLDERS = ("package holder", "member sign-in", "everything")
IN_DEBT = {"debt": "outstanding", "failed payment": "failed", "dispute": "disputed", "everything": "outstanding"}


def make_purchases(world: World) -> None:
    """A price list, memberships, packages, money on account, and stored cards."""
    _make_prices(world)
    world.memberships = Membership.objects.bulk_create(
        _membership(world, n, client) for n, client in enumerate(world.showing(*MEMBERS), 1)
    )
    packages = [_package(world, client) for client in world.showing(*HOLDERS)]
    packages += [
        # Nothing left, or no longer good: neither stands in the way of a deletion.
        Package(
            client=client, name="Intro offer", credits_total=3, credits_used=3 - n % 2, expires_on=world.ago(60 + n)
        )
        for n, client in enumerate(world.showing("former member", "deletable"))
    ]
    packages += [
        Package(client=client, name="Untouched", credits_total=5, expires_on=world.ago(-120))
        for client in world.showing("unused package")
    ]
    for n, package in enumerate(packages, 1):
        package.reference = f"package-{n}"
    world.packages = Package.objects.bulk_create(packages)
    AccountCredit.objects.bulk_create(
        AccountCredit(
            client=client,
            amount=Decimal(25),
            used=Decimal(10) if n % 3 == 1 else Decimal(0),
            currency=world.business.currency,
            reason="Gift card" if n % 2 else "Goodwill: the sauna was cold",
            granted_on=world.ago(20 + n),
            reference=f"credit-{n}",
        )
        for n, client in enumerate([*world.showing("account credit", "everything"), *world.showing("member")[20:30]])
    )
    StoredCard.objects.bulk_create(
        StoredCard(
            client=client,
            provider="stripe",
            customer_token=f"cus_demo{client.number}",
            card_token=f"pm_demo{client.number}",
            brand=world.chance.choice(("visa", "mastercard")),
            last4=f"{world.chance.randrange(10000):04d}",
            expires=f"{world.chance.randrange(1, 13):02d}/{world.today.year % 100 + 2}",
        )
        for client in world.showing("member", "member sign-in", "active membership", "everything")
    )


def _make_prices(world: World) -> None:
    """What the business sells: what its clients have bought, and a single class."""
    business, kinds = world.business, PriceItem.Kind
    common = {"business": business, "currency": business.currency}
    lines = [
        PriceItem(kind=kinds.MEMBERSHIP, name=name, price=price, period_months=1, **common)
        for name, price in PLANS.items()
    ]
    lines += [
        PriceItem(kind=kinds.PACKAGE, name=name, price=price, credits=count, valid_days=180, **common)
        for name, (count, price) in PACKAGES.items()
    ]
    lines.append(PriceItem(kind=kinds.CREDIT, name="Single class", price=Decimal("12.00"), credits=1, **common))
    PriceItem.objects.bulk_create(lines)


def _membership(world: World, n: int, client: Client) -> Membership:
    show = world.shows[client.number]
    plan = world.chance.choice(list(PLANS))
    status = {"former member": "cancelled", "frozen membership": "frozen"}.get(show, "active")
    if show == "member" and world.chance.random() < 0.06:
        status = "frozen"
    return Membership(
        client=client,
        plan=plan,
        status=status,
        starts_on=client.joined_on,
        cancelled_on=world.ago(world.chance.randrange(30, 80)) if status == "cancelled" else None,
        cancellation_reason="moved away" if status == "cancelled" else "",
        price=PLANS[plan],
        currency=world.business.currency,
        provider_reference=f"sub_demo{client.number}",
        reference=f"membership-{n}",
    )


def _package(world: World, client: Client) -> Package:
    name = world.chance.choice(list(PACKAGES))
    total, _ = PACKAGES[name]
    return Package(
        client=client, name=name, credits_total=total, expires_on=world.ago(-world.chance.randrange(30, 200))
    )


def make_invoices(world: World) -> None:
    """A quarter's invoices and their payments."""
    invoices: list[Invoice] = []
    for membership in world.memberships:
        months = range(4, 1, -1) if membership.status == "cancelled" else range(3, 0, -1)
        invoices += (_monthly(world, membership, month) for month in months)
    for package in world.packages:
        price = PACKAGES.get(package.name, (0, Decimal("25.00")))[1]
        due = world.ago(world.chance.randrange(20, 70))
        invoices.append(_invoice(world, package.client, package.name, price, due, package.paid_by))
    for client in world.showing(*IN_DEBT):
        late = _invoice(world, client, "Personal training", Decimal("45.00"), world.ago(33), None)
        late.status = IN_DEBT[world.shows[client.number]]
        invoices.append(late)
    for n, invoice in enumerate(invoices, 1):
        invoice.number, invoice.reference = f"HF-{n:05d}", f"invoice-{n}"
    Invoice.objects.bulk_create(invoices)
    Payment.objects.bulk_create(payment for invoice in invoices if (payment := _payment(invoice)) is not None)


def _monthly(world: World, membership: Membership, month: int) -> Invoice:
    due = world.ago(month * 30 - 12)
    client = membership.client
    invoice = _invoice(world, client, f"{membership.plan}, monthly", membership.price, due, membership.paid_by)
    if month == 1 and world.shows[client.number] == "member":
        states = ("paid", "outstanding", "failed", "disputed")
        invoice.status = world.chance.choices(states, weights=(86, 8, 5, 1))[0]
    elif month == 3 and world.shows[client.number] == "member":
        invoice.status = world.chance.choices(("paid", "refunded", "written_off"), weights=(94, 4, 2))[0]
        if invoice.status == "written_off":
            invoice.written_off_reason = "goodwill"
    return invoice


def _invoice(
    world: World, client: Client, what: str, amount: Decimal, due: datetime.date, paid_by: Client | None
) -> Invoice:
    payer = paid_by or client
    return Invoice(
        client=client,
        paid_by=paid_by,
        club=client.home_club,
        description=what,
        amount=amount,
        currency=world.business.currency,
        status=Invoice.Status.PAID,
        due_on=due,
        billing_name=f"{payer.first_name} {payer.last_name}",
        billing_address=f"{payer.address_1}, {payer.town} {payer.postcode}",
    )


def _payment(invoice: Invoice) -> Payment | None:
    outcomes = {"paid": "succeeded", "refunded": "refunded", "failed": "failed", "disputed": "refunded"}
    if invoice.status not in outcomes:
        return None
    return Payment(
        invoice=invoice,
        amount=invoice.amount,
        status=outcomes[invoice.status],
        paid_on=invoice.due_on,
        method="card",
        provider_reference=f"pi_demo{invoice.number}",
    )
