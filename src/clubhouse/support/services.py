"""Writes of support requests. Each step is on the record; a request that ends keeps none of what was typed (row F4)."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile
from django.db import models, transaction

from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client
from clubhouse.privacy.orders import OPERATOR as REASON
from clubhouse.privacy.services import Erased, erase
from clubhouse.sets import Keys, insert_all
from clubhouse.support import exceptions, selectors
from clubhouse.support.models import Case, CaseStep
from clubhouse.webhooks.models import Delivery
from clubhouse.webhooks.telling import tell
from lethe import outbox

if TYPE_CHECKING:
    from lethe.batch import Batch

#: Open requests that one business may have, and how long one may lie without a step.
OPEN_AT_ONCE, LIES_FOR = 20, datetime.timedelta(days=30)
Kind, Role, State, Event = CaseStep.Kind, CaseStep.Role, Case.State, Delivery.Event

#: The request that the operator's deletion is running for, in this thread; None for every other way of deleting.
_running: ContextVar[int | None] = ContextVar("support_case", default=None)


# --- the business -----------------------------------------------------------------------------------------------------
@transaction.atomic
def send(
    business: Business,
    *,
    form: uuid.UUID,
    typed_name: str,
    typed_email: str,
    typed_id: str,
    screenshot: ContentFile[bytes],
    by: User,
    now: datetime.datetime,
) -> Case:
    """Send a request; the same form sent twice is one. Raises ``HasAdministrator`` and ``TooMany``."""
    # Two that are sent at once follow each other here.
    Business.objects.select_for_update().get(pk=business.pk)
    before = Case.objects.filter(business=business, form=form).first()
    if before is not None:
        return before
    _needs_operator(business.pk)
    if Case.objects.filter(business=business, state__in=Case.LIVE).count() >= OPEN_AT_ONCE:
        raise exceptions.TooMany
    case = Case(business=business, form=form, created_at=now)
    _fill(case, typed_name, typed_email, typed_id, screenshot)
    _tell([case], Event.REQUESTED, now)
    return _moved(case, State.OPEN, Kind.SENT, Role.COLLEAGUE, by, now)


@transaction.atomic
def correct(
    case: Case,
    *,
    typed_name: str,
    typed_email: str,
    typed_id: str,
    screenshot: ContentFile[bytes],
    by: User,
    now: datetime.datetime,
) -> None:
    """Send the details again, after they did not match. Raises ``AlreadyClosed`` and ``HasAdministrator``."""
    locked = _locked(case, State.ANSWERED)
    _needs_operator(locked.business_id)
    _drop_screenshot(locked)
    _fill(locked, typed_name, typed_email, typed_id, screenshot)
    _moved(locked, State.OPEN, Kind.CORRECTED, Role.COLLEAGUE, by, now)


@transaction.atomic
def withdraw(case: Case, *, by: User, now: datetime.datetime) -> None:
    """Take a request back. Raises ``AlreadyClosed``."""
    _close(_locked(case, *Case.LIVE), State.WITHDRAWN, Kind.WITHDRAWN, Role.COLLEAGUE, by, now)


# --- the operator -----------------------------------------------------------------------------------------------------
@transaction.atomic
def ask(case: Case, *, by: User, now: datetime.datetime) -> None:
    """Answer that the details do not match, and ask for them again. What the right ones are is said to nobody.

    Raises ``AlreadyClosed``.
    """
    _moved(_locked(case, State.OPEN, State.OPENED), State.ANSWERED, Kind.ASKED, Role.OPERATOR, by, now)


@transaction.atomic
def refuse(case: Case, *, by: User, now: datetime.datetime) -> None:
    """Close a request without a deletion. Raises ``AlreadyClosed``."""
    _close(_locked(case, *Case.LIVE), State.REFUSED, Kind.REFUSED, Role.OPERATOR, by, now)


@transaction.atomic
def open_deletion(case: Case, *, by: User, now: datetime.datetime) -> None:
    """Open the deletion, where all details match. A second click changes nothing.

    Raises ``NoMatch``, ``HasAdministrator`` and ``AlreadyClosed``.
    """
    locked = _locked(case, State.OPEN, State.OPENED)
    _needs_operator(locked.business_id)
    if not selectors.compare(locked).all_match:
        raise exceptions.NoMatch
    if locked.state == State.OPEN:
        _moved(locked, State.OPENED, Kind.OPENED, Role.OPERATOR, by, now)
        _tell([locked], Event.OPENED, now)


def delete(case: Case, *, by: User, fingerprint: str) -> Erased:
    """Erase the client of an opened request, by the service that an administrator's deletion ends in.

    The details are compared once more here, and again under the lock of the erasing transaction, by
    :func:`close_erased`. Raises ``NoMatch``, ``HasAdministrator``, ``AlreadyClosed`` and what
    :func:`clubhouse.privacy.services.erase` raises.
    """
    fresh = selectors.any_case(case.pk)
    if fresh.state != State.OPENED:
        raise exceptions.AlreadyClosed
    _needs_operator(fresh.business_id)
    client = selectors.compare(fresh).client
    if client is None:
        raise exceptions.NoMatch
    token = _running.set(fresh.pk)
    try:
        done = erase(client, by=by, reason=REASON, fingerprint=fingerprint)
    finally:
        _running.reset(token)
    if done.number:
        Case.objects.filter(pk=fresh.pk, state=State.DELETED).update(receipt=done.number)
    return done


# --- an erasure, by any door ------------------------------------------------------------------------------------------
def live_cases(now: datetime.datetime) -> tuple[models.QuerySet[Case], models.QuerySet[Case]]:
    """The open requests that name a client, by id and by e-mail address: what :func:`close_erased` closes."""
    live = Case.objects.filter(state__in=Case.LIVE)
    return live, live


def close_erased(batch: Batch) -> dict[str, int]:
    """Close the open requests about these clients and untie them. A fixed number of statements.

    Where it is the operator who erases, the details are compared here for the last time, under the lock; ``NoMatch``
    rolls the erasure back.
    """
    ids = Keys(batch.ids)
    named = models.Q(client__in=ids) | models.Q(addressed__in=ids)
    cases = Case.objects.using(batch.using).filter(named, state__in=Case.LIVE)
    found = {case.pk: case for case in cases.select_for_update().order_by("pk")}
    running = _running.get()
    if running is not None:
        mine = found.get(running)
        if mine is None or mine.state != State.OPENED or not selectors.compare(mine).all_match:
            raise exceptions.NoMatch
    for case in found.values():
        if case.screenshot:
            batch.emit("file.delete", {"name": case.screenshot.name, "business": case.business_id})
    closed = Case.objects.using(batch.using).filter(pk__in=Keys(found))
    closed.update(state=State.DELETED, moved_at=batch.now, **_EMPTY)
    steps = [
        CaseStep(
            case_id=pk,
            kind=Kind.DELETED,
            role=Role.OPERATOR if pk == running else Role.ELSEWHERE,
            at=batch.now,
        )
        for pk in sorted(found)
    ]
    insert_all(steps, using=batch.using)
    _tell(list(found.values()), Event.CLOSED, batch.now, outcome=State.DELETED, using=batch.using)
    return {"support requests closed": len(found)}


# --- from time to time ------------------------------------------------------------------------------------------------
@transaction.atomic
def close_old(now: datetime.datetime) -> int:
    """Close the requests in which nothing has happened for 30 days; returns how many. A fixed number of statements."""
    old = Case.objects.filter(state__in=Case.LIVE, moved_at__lte=now - LIES_FOR)
    cases = list(old.select_for_update().order_by("pk"))
    shots = [{"name": case.screenshot.name, "business": case.business_id} for case in cases if case.screenshot]
    outbox.record_all("file.delete", shots)
    Case.objects.filter(pk__in=Keys(case.pk for case in cases)).update(state=State.EXPIRED, moved_at=now, **_EMPTY)
    insert_all([CaseStep(case=case, kind=Kind.EXPIRED, role=Role.SYSTEM, at=now) for case in cases], using="default")
    _tell(cases, Event.CLOSED, now, outcome=State.EXPIRED)
    return len(cases)


# --- parts ------------------------------------------------------------------------------------------------------------
_EMPTY = {"typed_name": "", "typed_email": "", "typed_id": "", "screenshot": "", "client": None, "addressed": None}


def _locked(case: Case, *states: str) -> Case:
    locked = Case.objects.select_for_update(of=("self",)).select_related("business").get(pk=case.pk)
    if locked.state not in states:
        raise exceptions.AlreadyClosed
    return locked


def _needs_operator(business: int) -> None:
    if selectors.deleters(business).exists():
        raise exceptions.HasAdministrator


def _fill(case: Case, name: str, email: str, number: str, screenshot: ContentFile[bytes]) -> None:
    case.typed_name, case.typed_email, case.typed_id = name, email, number
    # An erased record is nobody any more, and a request cannot be about it.
    living = Client.objects.filter(business=case.business_id).exclude(status=Client.Status.DELETED)
    case.client = living.filter(number=number).first()
    case.addressed = living.filter(email__iexact=email).first()
    case.screenshot = screenshot


def _moved(case: Case, state: str, kind: str, role: str, by: User, now: datetime.datetime) -> Case:
    case.state, case.moved_at = state, now
    _save(case)
    CaseStep.objects.create(case=case, kind=kind, role=role, by=f"account:{by.pk}", at=now)
    return case


def _save(case: Case) -> None:
    """Save the row; where the database refuses it, the picture that was stored just before goes again."""
    try:
        case.save()
    except Exception:
        kept = case.screenshot
        if kept and kept.name and kept._committed:  # type: ignore[attr-defined]  # not in the stubs
            kept.storage.delete(kept.name)
        raise


def _close(case: Case, state: str, kind: str, role: str, by: User, now: datetime.datetime) -> None:
    _drop_screenshot(case)
    for name, value in _EMPTY.items():
        setattr(case, name, value)
    _moved(case, state, kind, role, by, now)
    _tell([case], Event.CLOSED, now, outcome=state)


def _tell(
    cases: Sequence[Case], event: str, now: datetime.datetime, *, outcome: str = "", using: str = "default"
) -> None:
    """Tell other systems how far requests have come, by their numbers (row P14)."""
    if cases:
        ends = {"outcome": str(outcome)} if outcome else {}
        tell([(case.business_id, {"request": case.number} | ends) for case in cases], event, now, using=using)


def _drop_screenshot(case: Case) -> None:
    if case.screenshot:
        outbox.record("file.delete", {"name": case.screenshot.name, "business": case.business_id})
