"""What becomes of an account, and of a member."""

from __future__ import annotations

from lethe import Policy, RandomEmail, UnusablePassword, delete_rows, keep_rows, register

from .models import Account, Invoice, Member, PersonNote, Shift, Volunteer


@register(Account)
class AccountPolicy(Policy):
    subject = True
    replace = {"email": RandomEmail(), "password": UnusablePassword(), "is_active": False}
    clear = ("full_name", "last_login")


@register(Shift)
class ShiftPolicy(Policy):
    path = "account"
    rows = keep_rows("hours are counted")
    clear = ("remark",)
    keep = {"hours": "hours are counted"}


@register(Member)
class MemberPolicy(Policy):
    """Answers for the parent's fields too."""

    subject = True
    replace = {"name": "[deleted]", "email": RandomEmail()}
    clear = ("card", "introduced_by")
    keep = {"home": "members are counted by home"}
    unlink = {"introduced_by": ()}


@register(Volunteer)
class VolunteerPolicy(Policy):
    path = "person_ptr__member"
    rows = delete_rows()


@register(PersonNote)
class PersonNotePolicy(Policy):
    path = "person__member"
    rows = delete_rows()


@register(Invoice)
class InvoicePolicy(Policy):
    path = "member"
    rows = keep_rows("the books have to balance")
    clear = ("title", "billed_to")
    keep = {"number": "the books have to balance"}
