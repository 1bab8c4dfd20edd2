"""Sign-in by business, e-mail address and password."""

from __future__ import annotations

from django.contrib.auth.backends import BaseBackend

from clubhouse.accounts.models import Business, User


class BusinessBackend(BaseBackend):
    """The same address may be a client of two businesses, so the business is part of who signs in."""

    def authenticate(  # type: ignore[override]  # Django asks a backend only for what its signature takes
        self,
        request: object,
        *,
        business: Business | None = None,
        audience: str = User.Audience.TEAM,
        email: str = "",
        password: str = "",
    ) -> User | None:
        if not email or not password:
            return None
        user = User.objects.filter(business=business, audience=audience, email__iexact=email.strip()).first()
        if user is None:
            # The same work as for a known address, so that time does not tell who exists.
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.select_related("business").filter(pk=user_id, is_active=True).first()
