"""The operator's account and sign-in. An operator belongs to no business, and no business makes one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clubhouse.accounts import lockout
from clubhouse.accounts.backends import BusinessBackend
from clubhouse.accounts.models import Session, User


class OperatorSignInForm(forms.Form):
    """Address and password."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user: User | None = None
        self.status = 422 if self.is_bound else 200

    def clean(self) -> dict[str, Any]:
        """Find the account. The refusal is the same whatever is wrong."""
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        attempt = lockout.Attempt(lockout.address_key(User.Audience.OPERATOR, "", values["email"]))
        if not attempt.allowed:
            self.status = 429
            raise forms.ValidationError(_("There were too many tries. Wait 15 minutes, then try again."))
        # The backend itself: Django's authenticate() would count the try a second time.
        self.user = BusinessBackend().authenticate(
            None, audience=User.Audience.OPERATOR, email=values["email"], password=values["password"]
        )
        if self.user is None:
            raise forms.ValidationError(_("This e-mail address and password do not match an account. Check both."))
        attempt.succeeded()
        return values


@transaction.atomic
def make_operator(email: str, password: str) -> User:
    """Make an operator's account, or give the one with this address a new password; every earlier sign-in ends."""
    user = User.objects.select_for_update().filter(audience=User.Audience.OPERATOR, email__iexact=email.strip()).first()
    if user is None:
        return User.objects.create_user(email, password, business=None, audience=User.Audience.OPERATOR)
    user.set_password(password)
    user.is_active = True
    user.save(update_fields=["password", "is_active"])
    Session.objects.filter(user=user).delete()
    return user
