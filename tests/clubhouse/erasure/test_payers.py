"""Paid By blocks in both ways, for and by another client: by a link, and by a sale without one (row H6)."""

from __future__ import annotations

import pytest

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.clients.services import remove_linking
from clubhouse.memberships.models import Membership
from clubhouse.memberships.services import remove_payer
from clubhouse.schedule.models import Club
from lethe import pipeline
from tests.support import factories as make

pytestmark = pytest.mark.django_db


def payers(client: Client) -> tuple[int, bool]:
    """How many Paid By ties are found, and whether they block."""
    found = [f for f in pipeline.preview(Client, [client.pk]).findings if f.name == "paid_by"]
    return (sum(f.count for f in found), any(f.blocks for f in found))


@pytest.mark.parametrize("mode", Business.DeletionMode.values)
def test_a_membership_that_another_pays_for_blocks_both(business: Business, club: Club, mode: str) -> None:
    business.deletion_mode = mode
    business.save()
    child, parent = make.make_client(club), make.make_client(club)
    membership = make.make_membership(child, paid_by=parent)
    assert payers(child) == payers(parent) == (1, True)
    remove_payer(Membership.objects.filter(pk=membership.pk))
    assert payers(child) == payers(parent) == (0, False)


def test_a_link_and_its_membership_count_once_and_are_settled_together(club: Club) -> None:
    child, parent = make.make_client(club), make.make_client(club)
    linking = ClientLinking.objects.create(kind="paid_by", client=child, other=parent)
    membership = make.make_membership(child, paid_by=parent)
    assert payers(child) == payers(parent) == (1, True)
    remove_linking(linking)
    membership.refresh_from_db()
    assert membership.paid_by is None
    assert payers(child) == payers(parent) == (0, False)


def test_what_ended_does_not_block(club: Club) -> None:
    child, parent = make.make_client(club), make.make_client(club)
    make.make_membership(child, paid_by=parent, status="cancelled")
    assert payers(child) == payers(parent) == (0, False)
