"""A task for a client who is forgotten has nobody left to be settled for."""

from __future__ import annotations

from clubhouse.tasks.models import Task
from lethe import Policy, delete_rows, register


@register(Task)
class TaskPolicy(Policy):
    """The task goes with the client; who did it is a colleague."""

    path = "client"
    rows = delete_rows()
