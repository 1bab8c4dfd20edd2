"""What becomes of somebody who wrote to the help desk, or works at it.

Written by ``manage.py lethe init``, then read and confirmed by hand: a follow-up on somebody's ticket stays, without
its words, so that the time spent on tickets still adds up.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from helpdesk.models import (
    Checklist,
    ChecklistTask,
    FollowUp,
    FollowUpAttachment,
    IgnoreEmail,
    KBItem,
    Queue,
    SavedSearch,
    Ticket,
    TicketCC,
    TicketChange,
    TicketCustomFieldValue,
    TicketDependency,
    UserSettings,
)

from lethe import (
    Policy,
    RandomEmail,
    UnusablePassword,
    by_value,
    delete_rows,
    emit,
    keep_rows,
    not_personal,
    register,
)
from lethe.contrib import admin, sessions

admin.install()
sessions.install()


@register(User)
class UserPolicy(Policy):
    """The record stays, the person does not."""

    subject = True
    clear = (
        # by its name (name)
        "last_name",
        # when somebody was last here
        "last_login",
    )
    replace = {
        # a name; it says that somebody was here
        "first_name": "[deleted]",
        # a password, by its name
        "password": UnusablePassword(),
        # an e-mail address; a random one stays unique
        "email": RandomEmail(),
        # by its name (username)
        "username": RandomEmail(),
        # nobody signs in with it any more
        "is_superuser": False,
        "is_staff": False,
        "is_active": False,
    }
    keep = {
        # a number, a date or a key, by its type
        "date_joined": "users are counted by it",
    }
    secrets = ("password",)


@register(User.groups.through)
class UserGroupsPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(User.user_permissions.through)
class UserUserPermissionsPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(Checklist)
class ChecklistPolicy(Policy):
    """Checklists are the person's own, and nothing adds up by them."""

    path = by_value("ticket__submitter_email", of="email")
    rows = delete_rows()


@register(ChecklistTask)
class ChecklistTaskPolicy(Policy):
    """Checklist tasks are the person's own, and nothing adds up by them."""

    path = by_value("checklist__ticket__submitter_email", of="email")
    rows = delete_rows()


@register(FollowUp)
class FollowUpPolicy(Policy):
    """What was done on a ticket stays, without what was said."""

    path = ("user", by_value("ticket__submitter_email", of="email"))
    rows = keep_rows("the time spent on tickets is counted")
    clear = ("title", "comment", "message_id", "email_recipients")
    keep = {
        ("date", "new_status", "time_spent"): "the time spent on tickets is counted by month",
        "public": "what the desk said within stays within",
    }


@register(FollowUpAttachment)
class FollowUpAttachmentPolicy(Policy):
    """Attachments are the person's own, and nothing adds up by them."""

    path = ("followup__user", by_value("followup__ticket__submitter_email", of="email"))
    rows = delete_rows()
    emits = (
        emit(
            "file.delete",
            skip_empty="file",
            name="file",
            constants={"storage": "default"},
        ),
    )


@register(IgnoreEmail)
class IgnoreEmailPolicy(Policy):
    """Ignored e-mail addresses are set up by the project, and describe nobody."""

    rows = not_personal("ignored e-mail addresses are set up by the project, and describe nobody")


@register(KBItem)
class KBItemPolicy(Policy):
    """Knowledge base items mention the person and are not theirs."""

    unlink = {
        "team": (),
    }


@register(KBItem.downvoted_by.through)
class KBItemDownvotedByPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(KBItem.voted_by.through)
class KBItemVotedByPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(Queue)
class QueuePolicy(Policy):
    """The desk's own; its addresses are nobody's."""

    unlink = {
        "default_owner": (),
    }


@register(SavedSearch)
class SavedSearchPolicy(Policy):
    """Saved searches are the person's own, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(Ticket)
class TicketPolicy(Policy):
    """Tickets say what happened, by their name."""

    path = by_value("submitter_email", of="email")
    rows = keep_rows("tickets are counted, and say nothing of anyone")
    clear = (
        # a secret, by its name (key, secret)
        "secret_key",
        # an e-mail address
        "submitter_email",
        # free text can name anyone
        "description",
        "resolution",
        # it names somebody, or a row that goes
        "assigned_to",
        # text that somebody typed
        "title",
    )
    keep = {
        # a number, a date or a key, by its type
        "created": "tickets are counted by it",
        "modified": "tickets are counted by it",
        "due_date": "tickets are counted by it",
        "last_escalation": "tickets are counted by it",
        # a reference that leads to nobody
        "queue": "tickets are counted by it",
        "kbitem": "tickets are counted by it",
        "merged_to": "tickets are counted by it",
        # one of a few values, by its type
        "status": "tickets are counted by it",
        "on_hold": "tickets are counted by it",
        "priority": "tickets are counted by it",
    }
    unlink = {
        "assigned_to": (),
    }
    secrets = ("secret_key",)


@register(TicketCC)
class TicketCCPolicy(Policy):
    """Ticket ccs are the person's own, and nothing adds up by them."""

    path = (
        "user",
        by_value("email", of="email"),
        by_value("ticket__submitter_email", of="email"),
    )
    rows = delete_rows()


@register(TicketChange)
class TicketChangePolicy(Policy):
    """Ticket changes are the person's own, and nothing adds up by them."""

    path = ("followup__user", by_value("followup__ticket__submitter_email", of="email"))
    rows = delete_rows()


@register(TicketCustomFieldValue)
class TicketCustomFieldValuePolicy(Policy):
    """Ticket custom field values are the person's own, and nothing adds up by them."""

    path = by_value("ticket__submitter_email", of="email")
    rows = delete_rows()


@register(TicketDependency)
class TicketDependencyPolicy(Policy):
    """Ticket dependencies are the person's own, and nothing adds up by them."""

    path = (
        by_value("ticket__submitter_email", of="email"),
        by_value("depends_on__submitter_email", of="email"),
    )
    rows = delete_rows()


@register(UserSettings)
class UserSettingsPolicy(Policy):
    """User settings are the person's own, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()
