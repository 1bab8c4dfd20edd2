"""The engine's own tables. None of them says who an erased record was.

``ErasedMark`` and ``SubjectKey`` name a subject by its model and key; ``Run``, ``Receipt`` and ``Effect`` never do, so
a receipt cannot be followed back to a record, nor a record to its receipt.
"""

from __future__ import annotations

import secrets
import uuid

from django.db import models
from django.utils import timezone

#: No letters or digits that are taken for one another when a receipt is read out or typed.
RECEIPT_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def receipt_number() -> str:
    """Draw a receipt number: four groups of five characters, 99 random bits."""
    # One draw for all twenty: a batch of subjects needs one each.
    size, rest, signs = len(RECEIPT_ALPHABET), secrets.randbelow(len(RECEIPT_ALPHABET) ** 20), []
    for _ in range(20):
        rest, sign = divmod(rest, size)
        signs.append(RECEIPT_ALPHABET[sign])
    return "-".join("".join(signs[start : start + 5]) for start in range(0, 20, 5))


class ErasedMark(models.Model):
    """The seal's mark: this subject is erased. Set by an erasure's last statement and never unset."""

    pk = models.CompositePrimaryKey("subject", "key")
    subject = models.CharField(max_length=100, help_text="Model label of the subject, lower case.")
    key = models.CharField(max_length=64, help_text="Primary key of the subject, as text.")

    class Meta:
        db_table = "lethe_erased"

    def __str__(self) -> str:
        return f"{self.subject} {self.key} is erased"


class SubjectKey(models.Model):
    """A subject's random key, drawn by trigger when the subject is created and deleted when it is erased.

    A backup older than the erasure holds it, so an erasure can be applied again after a restore without keeping
    anything that names the person.
    """

    pk = models.CompositePrimaryKey("subject", "key")
    subject = models.CharField(max_length=100)
    key = models.CharField(max_length=64)
    value = models.CharField(max_length=32, unique=True, help_text="128 random bits, hexadecimal.")

    class Meta:
        db_table = "lethe_subject_key"

    def __str__(self) -> str:
        return f"Key of {self.subject} {self.key}"


class Run(models.Model):
    """One erasing transaction: which plan, how many subjects, what was done. Identifies no one."""

    # Drawn by the engine, so that effects can name the run before its counts are known.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.CharField(max_length=100)
    subjects = models.PositiveIntegerField(help_text="How many subjects this transaction erased.")
    plan = models.CharField(max_length=64, help_text="Digest of the plan that ran.")
    counts = models.JSONField(help_text="Step name to rows.")
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=64, help_text="Who ordered it: a role or an opaque account key, never a name.")
    erased_at = models.DateTimeField(default=timezone.now)

    class Meta:
        # A monitor adds them up each minute, and the counts beside them are long.
        indexes = [models.Index("subjects", name="runs_counted")]

    def __str__(self) -> str:
        return f"Run {self.pk}"


class Receipt(models.Model):
    """The number handed out for one erasure: the only way to find its run again."""

    number = models.CharField(max_length=23, primary_key=True, default=receipt_number)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="receipts")

    def __str__(self) -> str:
        return self.number


class Effect(models.Model):
    """The outbox: something to be done outside the database because of a run, recorded in the erasing transaction.

    The row alone holds lease, retry and receipt. ``payload`` holds identifiers only until the effect is done.
    """

    #: Said of one that was taken: whoever tried it last died in it.
    worker_died = False

    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="effects")
    kind = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    lease = models.CharField(max_length=32, blank=True, help_text="Random token of the worker that holds the lease.")
    last_error = models.CharField(max_length=200, blank=True, help_text="Kind of failure; never a person's data.")
    done_at = models.DateTimeField(null=True)
    receipt = models.JSONField(null=True, help_text="What the other side answered, without identifiers.")
    scrubbed_at = models.DateTimeField(null=True, help_text="When the identifiers were removed from this row.")

    class Meta:
        indexes = [
            models.Index("next_try_at", condition=models.Q(done_at=None), name="effects_waiting"),
            models.Index("run", "kind", name="effects_of_run"),
        ]

    def __str__(self) -> str:
        return f"Effect {self.pk} ({self.kind})"


class Tally(models.Model):
    """How many effects of a kind were done within a time, or failed at a try: for monitoring (``lethe.tally``)."""

    #: Stand in ``within`` for "longer than the longest bound" and for "a try that failed".
    LONGER, FAILED = 0, -1

    pk = models.CompositePrimaryKey("kind", "within")
    kind = models.CharField(max_length=60)
    within = models.IntegerField(help_text="Seconds at the most; 0 for longer, -1 for a try that failed.")
    number = models.PositiveBigIntegerField()
    seconds = models.FloatField(help_text="Added up: from recorded to done.")

    class Meta:
        db_table = "lethe_tally"

    def __str__(self) -> str:
        return f"Tally of {self.kind} within {self.within}"
