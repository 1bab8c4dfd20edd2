"""What becomes of a support request when a client whom it names is erased, by whichever door (row F4)."""

from __future__ import annotations

from clubhouse.support.models import Case, CaseStep
from lethe import Policy, emit, keep_rows, not_personal, register


@register(Case)
class CasePolicy(Policy):
    """The record of the request stays; what was typed, and the screenshot, go.

    :func:`clubhouse.support.services.close_erased` runs before: it closes the request and unties it from the client.
    """

    path = ("client", "addressed")
    rows = keep_rows("what the operator was asked and did can be looked up")
    clear = ("typed_name", "typed_email", "typed_id", "screenshot")
    keep = {
        ("business", "number", "form", "state", "created_at", "moved_at", "receipt"): (
            "which business asked, when, and how it ended"
        ),
    }
    emits = (emit("file.delete", name="screenshot", skip_empty="screenshot"),)


@register(CaseStep)
class CaseStepPolicy(Policy):
    """Who did what, by role."""

    rows = not_personal("a step says who acted, by role, and when; never whom the request was about")
