"""A business, and the accounts that sign in to it."""

from __future__ import annotations

import secrets

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def random_login() -> str:
    """A sign-in name that says nothing: accounts are told apart by it, people never see it."""
    return secrets.token_hex(16)


class Business(models.Model):
    """A tenant: a company with one or more clubs. Nothing is ever read across businesses."""

    class DeletionMode(models.TextChoices):
        SETTLE_FIRST = "settle_first", _("Settle first: a person resolves every item before a client is deleted")
        CANCEL_AND_ERASE = "cancel_and_erase", _("Cancel and erase: the deletion cancels bookings and subscriptions")

    class Promotion(models.TextChoices):
        AT_ONCE = "at_once", _("The next client gets a freed place at once")
        OFFER = "offer", _("The next client is offered a freed place for a while")

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    timezone = models.CharField(max_length=64, default="Europe/London")
    currency = models.CharField(max_length=3, default="GBP")
    deletion_mode = models.CharField(max_length=20, choices=DeletionMode.choices, default=DeletionMode.SETTLE_FIRST)
    blocker_overrides = models.JSONField(
        default=dict, blank=True, help_text="Blocker name to true (blocks) or false (does not), over the way chosen."
    )
    erased_email_domain = models.CharField(
        max_length=190, default="erased.invalid", help_text="Domain of the address an erased client is given."
    )
    show_deleted_clients = models.BooleanField(default=True)
    prorate_cancelled = models.BooleanField(
        default=False,
        help_text="Whether the payment provider works out the unused part of a subscription that is cancelled at once.",
    )
    waiting_list_promotion = models.CharField(max_length=10, choices=Promotion.choices, default=Promotion.AT_ONCE)
    waiting_list_offer_minutes = models.PositiveIntegerField(default=120)
    team_idle_minutes = models.PositiveIntegerField(
        default=60, help_text="After how many minutes without use a colleague is signed out; 0 for no such limit."
    )
    password_before_deletion = models.BooleanField(
        default=False, help_text="Whether an administrator enters the own password again right before a deletion."
    )

    class Meta:
        verbose_name_plural = "businesses"

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes accounts; an account always states its audience."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        """Make an account. ``password=None`` leaves it unable to sign in with a password."""
        user = self.model(email=email.strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """One sign-in: a member's, or a colleague's, of one business.

    A colleague who is also a client has two, so that forgetting the client leaves the colleague's sign-in whole.
    """

    class Audience(models.TextChoices):
        MEMBER = "member", _("Member")
        TEAM = "team", _("Team")
        OPERATOR = "operator", _("Operator of the deployment")

    login = models.CharField(max_length=32, unique=True, default=random_login, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, null=True, blank=True, related_name="users")
    audience = models.CharField(max_length=10, choices=Audience.choices)
    email = models.EmailField(max_length=254)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "business", "audience", Lower("email"), name="user_email_once_per_business_and_audience"
            ),
            models.CheckConstraint(
                condition=models.Q(audience="operator", business=None) | models.Q(business__isnull=False),
                name="only_an_operator_has_no_business",
            ),
        ]

    def __str__(self) -> str:
        return f"Account {self.pk}"


class Session(AbstractBaseSession):
    """A signed-in browser. ``user`` stands beside the opaque blob, so that all of a person's can be found and ended."""

    class Device(models.TextChoices):
        PHONE = "phone", _("Phone")
        TABLET = "tablet", _("Tablet")
        COMPUTER = "computer", _("Computer")

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    device = models.CharField(max_length=8, choices=Device.choices, blank=True)
    signed_in_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When it was last used, to the minute.")

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> type:
        from clubhouse.accounts.sessions import SessionStore

        return SessionStore


class AddressChange(models.Model):
    """A member asked for a new address. The link's token is drawn when the mail is handed over, and kept as a hash.

    ``asked_today`` is the new address hashed under a key of the day; it stops a flood of mails.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="address_changes")
    new_email = models.EmailField(
        max_length=254, blank=True, help_text="Until it is confirmed, withdrawn or asked for anew; empty then."
    )
    told = models.JSONField(
        "addresses to tell", default=list, blank=True, help_text="Old addresses, until the mail to each has left."
    )
    token_hash = models.CharField(max_length=64, blank=True, db_index=True)
    asked_today = models.CharField(max_length=64, db_index=True)
    asked_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"Address change {self.pk}"


class PasswordReset(models.Model):
    """Somebody asked for a new password. A row is made whether or not there is an account, so that nobody can tell.

    ``asked_today`` is the address hashed under a key of the day; it stops a flood of mails. The link's token is drawn
    when the mail is handed over and kept as a hash alone.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="password_resets")
    token_hash = models.CharField(max_length=64, blank=True, db_index=True)
    asked_today = models.CharField(max_length=64, db_index=True)
    asked_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"Password reset {self.pk}"
