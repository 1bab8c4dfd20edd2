"""Builds of the member app, and what its sign-up and its deletion need for a few minutes.

None of these rows says who anyone is: a code and a link are kept as hashes, an address not at all.
"""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: Why a build that lets people sign up has to let them delete their account (row F2).
SIGN_UP_NEEDS_DELETION = _(
    "A build that allows sign-up must have account deletion too: whoever can open an account in an app has to be able "
    "to delete it there, and the app stores refuse an app without it. Switch on “Account deletion”, or switch off "
    "“Sign-up”."
)
#: Addresses of the member app that are no build's.
RESERVED = ("member", "sign-in")


class AppBuild(models.Model):
    """One build of the member app, at ``/member/<slug>/``. What it can do is its own, not a permission (row F2)."""

    business = models.ForeignKey("accounts.Business", on_delete=models.CASCADE, related_name="app_builds")
    name = models.CharField(max_length=80)
    slug = models.SlugField(
        "address", max_length=60, unique=True, help_text=_("The app is at /member/, this word, and a slash.")
    )
    sign_up = models.BooleanField(_("Sign-up"), default=False, help_text=_("People can open an account in the app."))
    account_deletion = models.BooleanField(
        _("Account deletion"),
        default=False,
        help_text=_("Members find “Delete My Account” under Settings > Preferences."),
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sign_up=False) | models.Q(account_deletion=True),
                name="sign_up_needs_account_deletion",
                violation_error_message=SIGN_UP_NEEDS_DELETION,
            ),
            models.CheckConstraint(
                condition=~models.Q(slug__in=RESERVED),
                name="build_address_not_reserved",
                violation_error_message=_("This word is an address of its own. Choose another."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse sign-up without deletion, at the field that mends it."""
        if self.sign_up and not self.account_deletion:
            raise ValidationError({"account_deletion": SIGN_UP_NEEDS_DELETION})


class DeletionCheck(models.Model):
    """How a member proves, before "Confirm Deletion", that it is them: how often they tried, and the code in use."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="deletion_check")
    tries = models.PositiveIntegerField(default=0, help_text="Passwords or codes tried since ``tries_since``.")
    tries_since = models.DateTimeField(default=timezone.now)
    code_hash = models.CharField(max_length=255, blank=True)
    code_tries = models.PositiveIntegerField(default=0)
    code_expires_at = models.DateTimeField(null=True, blank=True)
    code_sent_at = models.DateTimeField(null=True, blank=True)
    copies = models.PositiveIntegerField(default=0, help_text="Copies of their data made since ``copies_since``.")
    copies_since = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "confirmations of this deletion"

    def __str__(self) -> str:
        return f"Deletion check {self.pk}"


class SignUp(models.Model):
    """A link that was mailed to somebody who wants an account. It does not say to whom.

    ``address_proof`` is the address hashed with the link's own token, which is kept nowhere: only who has the mail can
    tell that the two belong together. ``address_today`` is keyed by the day, and stops a flood of mails.
    """

    build = models.ForeignKey(AppBuild, on_delete=models.CASCADE, related_name="sign_ups")
    token_hash = models.CharField(max_length=64, unique=True)
    address_proof = models.CharField(max_length=64, blank=True)
    address_today = models.CharField(max_length=64, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Sign-up {self.pk}"
