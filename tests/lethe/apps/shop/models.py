"""A shop: the shapes that most projects have. Every model says which shape it stands for."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

CASCADE, SET_NULL = models.CASCADE, models.SET_NULL


class Named(models.Model):
    """An abstract base: its fields are its children's own."""

    name = models.CharField(max_length=100)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"


class Shop(Named):
    """Nobody's."""

    erased_domain = models.CharField(max_length=60, blank=True)


class Product(Named):
    """Nobody's."""


class Customer(Named):
    """A subject, with a reference to itself, to another kind of subject, and to a row that points back (a cycle)."""

    class Status(models.TextChoices):
        """States."""

        ACTIVE = "active", "Active"
        DELETED = "deleted", "Deleted"

    shop = models.ForeignKey(Shop, CASCADE)
    email = models.EmailField(unique=True)
    password = models.CharField(max_length=128, blank=True)
    number = models.CharField(max_length=12, unique=True)
    phone = models.CharField(max_length=30, blank=True)
    born = models.DateField(null=True)
    about = models.TextField(blank=True)
    tags = models.JSONField(default=list, blank=True)
    extra = models.JSONField(null=True)
    loyal = models.BooleanField(default=False)
    picture = models.FileField(blank=True)
    fingerprint = models.BinaryField(default=b"")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    joined = models.DateField(default=timezone.localdate)
    referred_by = models.ForeignKey("self", SET_NULL, null=True, related_name="referred")
    clerk = models.ForeignKey("people.Account", SET_NULL, null=True)
    main_address = models.ForeignKey("Address", SET_NULL, null=True, related_name="main_of")
    wishes = models.ManyToManyField(Product, blank=True)
    friends = models.ManyToManyField("self", blank=True)


class FavouriteCustomer(Customer):
    """A proxy: the same table, the same policy."""

    class Meta:
        proxy = True


class Address(models.Model):
    """Deleted; points at the customer who may point back."""

    customer = models.ForeignKey(Customer, CASCADE)
    line = models.CharField(max_length=100)


class Order(models.Model):
    """Kept: sales are counted. Names two customers, a colleague and a row that is deleted."""

    class Status(models.TextChoices):
        """States."""

        PLACED = "placed", "Placed"
        SENT = "sent", "Sent"
        CANCELLED = "cancelled", "Cancelled"

    customer = models.ForeignKey(Customer, CASCADE, related_name="orders")
    gift_for = models.ForeignKey(Customer, SET_NULL, null=True, related_name="gifts")
    gift_note = models.CharField(max_length=100, blank=True)
    packed_by = models.ForeignKey("people.Account", SET_NULL, null=True)
    address = models.ForeignKey(Address, SET_NULL, null=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PLACED)
    total = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, default="EUR")
    due_at = models.DateTimeField(default=timezone.now)
    note = models.TextField(blank=True)


class OrderLine(models.Model):
    """Kept, two steps away."""

    order = models.ForeignKey(Order, CASCADE, related_name="lines")
    product = models.ForeignKey(Product, CASCADE)
    quantity = models.PositiveIntegerField(default=1)
    engraving = models.CharField(max_length=100, blank=True)


class Engraver(models.Model):
    """Deleted, three steps away."""

    line = models.ForeignKey(OrderLine, CASCADE)
    wording = models.CharField(max_length=100)


class Refund(models.Model):
    """History: a new one may name an erased customer, with nothing personal in it."""

    customer = models.ForeignKey(Customer, CASCADE)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    memo = models.CharField(max_length=100, blank=True)


class Review(models.Model):
    """Deleted by either of two paths."""

    author = models.ForeignKey(Customer, CASCADE, null=True, related_name="reviews")
    order = models.ForeignKey(Order, CASCADE, null=True)
    body = models.TextField()


class Comment(models.Model):
    """Deleted; others' replies to it stay and are untied."""

    author = models.ForeignKey(Customer, CASCADE)
    reply_to = models.ForeignKey("self", SET_NULL, null=True)
    quoted = models.CharField(max_length=100, blank=True)
    body = models.TextField()


class Club(Named):
    """A many-to-many with a table that somebody wrote."""

    members = models.ManyToManyField(Customer, through="ClubMember")


class ClubMember(models.Model):
    """Kept with a reason: the club counts its members."""

    club = models.ForeignKey(Club, CASCADE)
    customer = models.ForeignKey(Customer, CASCADE)
    nickname = models.CharField(max_length=50, blank=True)


class Card(models.Model):
    """Deleted, here and at the provider."""

    customer = models.ForeignKey(Customer, CASCADE)
    token = models.CharField(max_length=50)
    scan = models.CharField(max_length=100, blank=True)


class Note(models.Model):
    """Points at anything, by text."""

    content_type = models.ForeignKey(ContentType, CASCADE)
    object_id = models.CharField(max_length=64)
    about = GenericForeignKey("content_type", "object_id")
    actor = models.ForeignKey(Customer, SET_NULL, null=True, related_name="acted")
    actor_address = models.CharField(max_length=60, blank=True)
    body = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["content_type", "object_id"])]


class Flag(models.Model):
    """Points at anything, by number."""

    content_type = models.ForeignKey(ContentType, CASCADE)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey("content_type", "object_id")
    why = models.CharField(max_length=60)


class Attempt(models.Model):
    """Knows the customer by the address that was typed."""

    username = models.CharField(max_length=254)
    agent = models.CharField(max_length=60)

    class Meta:
        indexes = [models.Index(models.functions.Lower("username"), name="attempt_username")]


class Event(models.Model):
    """Knows the customer by a key inside a JSON column."""

    payload = models.JSONField(default=dict)


class Ticket(models.Model):
    """Knows the customer by a number that is no foreign key. Kept."""

    customer_ref = models.BigIntegerField(db_index=True)
    question = models.TextField(blank=True)


class Counter(models.Model):
    """In reach, and not personal."""

    customer = models.ForeignKey(Customer, CASCADE)
    visits = models.PositiveIntegerField(default=0)
