"""A record of each kind that an address can be about, made when it is asked for."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from clubhouse.api.models import ApiToken
from clubhouse.clients.models import ClientNote, ClientTrainer, ProfileImage
from clubhouse.embed.models import Embed, EmbedSite
from clubhouse.identities.models import Provider
from clubhouse.member.models import AppBuild
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.schedule.models import Club, Session
from clubhouse.support.models import Case
from clubhouse.tasks.models import Task
from clubhouse.team.models import StaffMember
from clubhouse.webhooks.models import Delivery, Endpoint
from lethe.models import Effect
from tests.support import factories as make
from tests.support.record import picture


class Ground:
    """Records of one club, by name. Each method gives what goes into the address; each call makes new ones."""

    def __init__(self, club: Club, administrator: StaffMember) -> None:
        self.club, self.business, self.administrator = club, club.business, administrator

    def arguments(self, needs: str) -> list[Any]:
        """What the address needs: nothing, or what the method of that name makes."""
        if not needs:
            return []
        maker: Callable[[], Any] = getattr(self, needs)
        made = maker()
        return list(made) if isinstance(made, tuple) else [made]

    # --- clients ------------------------------------------------------------------------------------------------------
    def client(self) -> int:
        return make.make_client(self.club).pk

    def pictured(self) -> int:
        client = make.make_client(self.club)
        ProfileImage.objects.create(client=client, original=picture("x"))
        return client.pk

    def linking(self) -> int:
        return make.make_linking("family", make.make_client(self.club), make.make_client(self.club)).pk

    def note(self) -> int:
        return ClientNote.objects.create(client=make.make_client(self.club), text="A note.").pk

    def client_trainer(self) -> int:
        return ClientTrainer.objects.create(client=make.make_client(self.club), trainer=self.administrator).pk

    def task(self) -> int:
        client = make.make_client(self.club)
        return Task.objects.create(kind=Task.Kind.values[0], client=client, created_at=timezone.now()).pk

    # --- schedule -----------------------------------------------------------------------------------------------------
    def session(self) -> int:
        return self._session().pk

    def booking(self) -> int:
        return make.make_booking(self._session(), make.make_client(self.club)).pk

    def place(self) -> tuple[int, int]:
        booking = make.make_booking(self._session(), make.make_client(self.club))
        return booking.session_id, booking.pk

    def entry(self) -> int:
        return make.make_waiting(self._session(), make.make_client(self.club)).pk

    def waiting(self) -> tuple[int, int]:
        entry = make.make_waiting(self._session(), make.make_client(self.club))
        return entry.session_id, entry.pk

    def own_club(self) -> int:
        return self.club.pk

    def _session(self) -> Session:
        return make.make_session(self.club)

    # --- sales --------------------------------------------------------------------------------------------------------
    def item(self) -> int:
        return make.make_price_item(self.business).pk

    def membership(self) -> int:
        return make.make_membership(make.make_client(self.club)).pk

    def package(self) -> int:
        return make.make_package(make.make_client(self.club)).pk

    def credit(self) -> int:
        return make.make_credit(make.make_client(self.club)).pk

    def invoice(self) -> int:
        return make.make_invoice(make.make_client(self.club)).pk

    def payment(self) -> int:
        invoice = make.make_invoice(make.make_client(self.club), status="paid")
        return invoice.payments.get().pk

    # --- privacy ------------------------------------------------------------------------------------------------------
    def overdue(self) -> int:
        waits = {"payload": {"business": self.business.pk}, "attempts": 1, "last_error": "It failed."}
        return Effect.objects.create(kind="webhook.deliver", **waits).pk

    def receipt(self) -> str:
        client = make.make_client(self.club)
        shown = look(client).fingerprint
        return str(erase(client, by=self.administrator.user, reason="test", fingerprint=shown).number)

    # --- the team's settings ------------------------------------------------------------------------------------------
    def colleague(self) -> int:
        return make.make_staff(self.business, club=self.club).pk

    def colleagues_account(self) -> int:
        return make.make_staff(self.business, club=self.club).user_id

    def group(self) -> int:
        return make.make_group(self.business).pk

    def build(self) -> int:
        return self._build().pk

    def build_slug(self) -> str:
        return self._build().slug

    def _build(self) -> AppBuild:
        slug = f"build-{uuid.uuid4().hex[:10]}"
        return AppBuild.objects.create(business=self.business, name="App", slug=slug, account_deletion=True)

    def endpoint(self) -> int:
        return Endpoint.objects.create(business=self.business, url=f"https://example.org/{uuid.uuid4().hex}").pk

    def delivery(self) -> tuple[int, int]:
        delivery = Delivery.objects.create(
            endpoint_id=self.endpoint(),
            message=uuid.uuid4().hex,
            event=Delivery.Event.values[0],
            occurred_at=timezone.now(),
        )
        return delivery.endpoint_id, delivery.pk

    def token(self) -> int:
        until = timezone.now() + datetime.timedelta(days=9)
        return ApiToken.objects.create(
            user=self.administrator.user, name="A token", prefix="x", token_hash=uuid.uuid4().hex, expires_at=until
        ).pk

    def embed_site(self) -> int:
        embed, _ = Embed.objects.get_or_create(business=self.business)
        return EmbedSite.objects.create(embed=embed, origin=f"https://{uuid.uuid4().hex}.example").pk

    def provider(self) -> int:
        return Provider.objects.create(
            business=self.business, name="Somebody", issuer=f"https://{uuid.uuid4().hex}.example", client_id="x"
        ).pk

    def case(self) -> int:
        return Case.objects.create(
            business=self.business, typed_name="x", typed_email="x", typed_id="x", screenshot=picture("x")
        ).pk
