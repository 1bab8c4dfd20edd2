"""Other kinds of subject: the swapped user model, and a member whose row is spread over two tables."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

CASCADE = models.CASCADE


class Account(AbstractBaseUser):
    """Who works here. A subject of its own."""

    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()
    USERNAME_FIELD = EMAIL_FIELD = "email"

    def __str__(self) -> str:
        return f"account {self.pk}"


class Shift(models.Model):
    """Kept: hours are counted."""

    account = models.ForeignKey(Account, CASCADE)
    hours = models.PositiveIntegerField(default=8)
    remark = models.CharField(max_length=100, blank=True)


class Person(models.Model):
    """The parent's table of a member, and of a volunteer."""

    name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    introduced_by = models.ForeignKey("self", models.SET_NULL, null=True)

    def __str__(self) -> str:
        return f"person {self.pk}"


class Member(Person):
    """A subject with a part of its row in another table."""

    card = models.CharField(max_length=40, blank=True)
    home = models.CharField(max_length=40, blank=True)


class Volunteer(Person):
    """Another child of the same parent: the same person."""

    skill = models.CharField(max_length=40, blank=True)


class PersonNote(models.Model):
    """Refers to the parent's table."""

    person = models.ForeignKey(Person, CASCADE)
    body = models.TextField()


class Document(models.Model):
    """A parent that is nobody's subject; kept."""

    member = models.ForeignKey(Member, CASCADE)
    title = models.CharField(max_length=60, blank=True)


class Invoice(Document):
    """A child of a kept row: one policy answers for both tables."""

    number = models.PositiveIntegerField(default=1)
    billed_to = models.CharField(max_length=60, blank=True)
