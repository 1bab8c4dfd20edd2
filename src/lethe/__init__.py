"""lethe: an erasure engine for Django. It forgets a person and keeps the history.

Declare in an ``erasure.py`` beside your models what becomes of a person's data; everything else reads that::

    from lethe import Policy, delete_rows, keep_rows, register

The order of the stages is in :mod:`lethe.pipeline`; each stage is one file, named for it.
"""

from lethe.emits import emit
from lethe.files import DeleteFile
from lethe.partial import Generalise, ScrubKeys, Truncate
from lethe.policy import Action, Blocker, Policy, by_value, delete_rows, keep, keep_rows, not_personal
from lethe.registry import register
from lethe.strategies import EMPTY, RandomDigits, RandomEmail, Replace, UnusablePassword

__all__ = [
    "EMPTY",
    "Action",
    "Blocker",
    "DeleteFile",
    "Generalise",
    "Policy",
    "RandomDigits",
    "RandomEmail",
    "Replace",
    "ScrubKeys",
    "Truncate",
    "UnusablePassword",
    "by_value",
    "delete_rows",
    "emit",
    "keep",
    "keep_rows",
    "not_personal",
    "register",
]
